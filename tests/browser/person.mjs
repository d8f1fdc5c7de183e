// Somebody who uses the app: sees what is on the page by its roles and names, and does what people do.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** How long a person waits for anything. */
const PATIENCE = 30_000;

/** What Firefox reports as errors of a page: a node that is not there, and a player that gives a request up to ask for another one. */
const COMPLAINTS = /establish a connection|ServiceWorker intercepted the request/;

export class Person {
  /** Opens the app in a browser of their own. */
  static async arrive(browser, address) {
    const person = new Person();
    person.browser = browser;
    person.problems = [];
    person.requests = [];
    person.page = await browser.context.newPage();
    person.page.setDefaultTimeout(PATIENCE);
    person.page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) person.problems.push(message.text());
    });
    person.page.on("pageerror", ({ message }) => COMPLAINTS.test(message) || person.problems.push(message));
    person.page.on("request", (request) => person.requests.push(request.url()));
    await person.page.setViewportSize({ width: 1280, height: 800 });
    await person.page.goto(address);
    return person;
  }

  /** Makes a vault and keeps its words. */
  async makeVault(name) {
    await this.page.getByLabel("What shall it be called?").fill(name);
    await this.button("Make the vault");
    const words = this.page.getByRole("list", { name: "The 24 recovery words" }).getByRole("listitem");
    await words.first().waitFor();
    this.words = (await words.allTextContents()).map((text) => text.trim().split(/\s+/)[1]);
    assert.equal(this.words.length, 24);
    await this.button("I have written them down");
    for (const field of await this.page.getByLabel(/^Word \d+$/).all()) {
      await field.fill(this.words[Number(await field.getAttribute("data-place"))]);
    }
    await this.button("Go on");
    await this.page.getByRole("heading", { name: "Connect a node" }).waitFor();
  }

  /** Connects nodes as the last step of a first visit, and opens the vault. */
  async connect(nodes) {
    for (const [place, node] of nodes.entries()) {
      if (place > 0) await this.button("Connect another node");
      await this.page.getByLabel("Invitation").fill(await node.invite());
      await this.button("Connect the node");
      await this.page.getByRole("heading", { name: "One more line for the sheet" }).waitFor();
    }
    this.addresses = await this.page.locator(".recovery-sheet li.mono").allTextContents();
    if (nodes.length > 0) await this.button("Open the vault");
    else await this.button("Later");
    await this.page.getByRole("navigation", { name: "Places" }).waitFor();
  }

  /** Types what stands on a sheet, right or wrong. */
  async restore(words, addresses) {
    const first = this.page.getByRole("button", { name: "Restore a vault from its words" });
    const field = this.page.getByLabel("The 24 words, in their order");
    await first.or(field).waitFor();
    if (await first.isVisible()) await first.click();
    await field.fill(words.join(" "));
    await this.page.getByLabel("Address of a node").fill(addresses.join("\n"));
    await this.button("Restore");
  }

  /** Adds files by the dialog of the browser and waits until the tray says what became of them. */
  async add(files, ending = "safe") {
    await this.#clearTray();
    const folder = await mkdtemp(join(tmpdir(), "cachette-files-"));
    const paths = files.map(({ name }, place) => join(folder, `${place}`, name));
    for (const [place, { content }] of files.entries()) {
      await mkdir(dirname(paths[place]));
      await writeFile(paths[place], content);
    }
    await this.page.locator("#choose-files").setInputFiles(paths);
    await this.trayEnds(ending);
    await rm(folder, { recursive: true });
  }

  async trayEnds(ending) {
    await this.page
      .getByRole("region", { name: "Files on their way" })
      .getByRole("button", { name: new RegExp(`: ${ending}`) })
      .waitFor();
  }

  /** Drops a folder on the window, as a file manager does: a tree of names with contents. */
  async drop(name, tree) {
    await this.#clearTray();
    await this.page.evaluate(dropTree, { name, tree });
  }

  /** A row of the list of files. */
  row(name) {
    return this.page.getByRole("row").filter({ has: this.page.getByText(name, { exact: true }) });
  }

  async open(name) {
    await this.row(name).getByText(name, { exact: true }).click();
  }

  async select(name) {
    await this.row(name).getByRole("checkbox").click();
  }

  async go(place) {
    await this.page.getByRole("link", { name: place, exact: true }).click();
    await this.page.getByRole("main", { name: place }).waitFor();
  }

  async button(name) {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Makes a link and closes the dialog. */
  async link(name) {
    await this.select(name);
    await this.button("Copy link");
    const url = await this.page.getByLabel("Link", { exact: true }).inputValue();
    await this.button("Close");
    return url;
  }

  /** Puts away what the tray says of files before, or that would be taken for the end of the next ones. */
  async #clearTray() {
    const close = this.page.getByRole("button", { name: "Close the tray", exact: true });
    if (await close.isVisible()) await close.click();
  }

  /** Nothing was said that no person sees: errors of scripts, and what the page's policy had to stop. */
  assertCalm() {
    assert.deepEqual(this.problems, []);
  }
}

/** Runs on the page. No browser lets a script make entries of a file system, so these stand in with the same face. */
function dropTree({ name, tree }) {
  const entry = (name, inside) =>
    typeof inside === "string"
      ? { name, isFile: true, isDirectory: false, file: (done) => done(new File([inside], name)) }
      : {
          name,
          isFile: false,
          isDirectory: true,
          createReader: () => {
            const parts = [Object.entries(inside).map(([name, inside]) => entry(name, inside)), []];
            return { readEntries: (done) => done(parts.shift() ?? []) };
          },
        };
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  const items = [{ kind: "file", webkitGetAsEntry: () => entry(name, tree) }];
  Object.defineProperty(event, "dataTransfer", { value: { types: ["Files"], items } });
  window.dispatchEvent(event);
}
