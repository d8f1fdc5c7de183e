// A tab with the package in it, as the tests drive it.

import assert from "node:assert/strict";

import { noted } from "./waiting.mjs";

/** A tab of a browser. */
export class Tab {
  static async open(browser, origin) {
    const tab = new Tab();
    tab.browser = browser;
    tab.page = (await browser.page(origin, "/package.html")).page;
    await tab.page.waitForFunction(() => globalThis.ready);
    return tab;
  }

  /** Does something that must work out. */
  async act(action, ...values) {
    return worked(action, await this.attempt(action, ...values));
  }

  /** Does something and returns how it ended. */
  attempt(action, ...values) {
    const done = this.page.evaluate(([action, values]) => globalThis.act(action, ...values), [action, values]);
    return noted(this.browser.name, `${action}(${JSON.stringify(values)})`, done);
  }

  /** Begins something; returns a function that waits for its end. */
  async begin(action, ...values) {
    const id = `${action} ${Math.random()}`;
    await this.page.evaluate(([id, action, values]) => globalThis.begin(id, action, ...values), [id, action, values]);
    return () => noted(this.browser.name, `the end of ${action}`, this.page.evaluate((id) => globalThis.end(id), id));
  }

  /** Does something that must fail with this code. */
  async refused(code, action, ...values) {
    const outcome = await this.attempt(action, ...values);
    assert.equal(outcome.code, code, JSON.stringify(outcome));
    return outcome;
  }

  /** Waits until something on the page holds. */
  async until(what, condition, action, ...values) {
    let seen;
    const holds = async () => condition((seen = await this.act(action, ...values)));
    await eventually(what, holds).catch((error) => {
      throw new Error(`${error.message}; last seen: ${JSON.stringify(seen)?.slice(-1000)}`);
    });
  }

  /** Chooses a file of the disk, as a person does. */
  async choose(path) {
    await this.page.evaluate(() => document.body.append(Object.assign(document.createElement("input"), { type: "file" })));
    await this.page.locator("input").setInputFiles(path);
  }

  async reload() {
    await this.page.reload();
    await this.page.waitForFunction(() => globalThis.ready);
  }

  devtools() {
    return this.browser.context.newCDPSession(this.page);
  }

  /** Kills the tab's process. */
  async crash() {
    const devtools = await this.devtools();
    const crashed = new Promise((resolve) => this.page.once("crash", resolve));
    devtools.send("Page.crash").catch(() => undefined);
    await crashed;
  }

  close() {
    return this.page.close();
  }
}

/** Returns the value of what must have worked out. */
export function worked(what, { value, ...failed }) {
  assert.deepEqual(failed, {}, `${what} failed`);
  return value;
}

/** Polls a condition until it holds. */
export async function eventually(what, condition, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
