// The browsers that Debian packages, each with a profile of its own on disk, so that it can be ended and started again.

import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { noted } from "./waiting.mjs";

const require = createRequire(import.meta.url);
require("./elder.cjs");
const playwright = require("playwright-core");

const CHROMIUM = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const BROWSERS = {
  chromium: {
    executablePath: "/usr/bin/chromium",
    launch: (profile) => ({ type: playwright.chromium, options: { args: CHROMIUM }, profile }),
  },
  firefox: {
    executablePath: "/usr/bin/firefox-esr",
    launch: (profile, { quota, incognito }) => {
      // The smallest group of sites gets 10 MiB, whatever is written here.
      const firefoxUserPrefs = {
        ...(quota ? { "dom.quotaManager.temporaryStorage.fixedLimit": quota >> 10 } : {}),
        ...(incognito ? { "browser.privatebrowsing.autostart": true } : {}),
      };
      return { type: playwright.firefox, options: { channel: "moz-firefox", firefoxUserPrefs }, profile };
    },
  },
};

/** A browser with a profile: started, ended, killed, started again. */
export class Browser {
  static async start(name, options = {}) {
    const browser = new Browser();
    browser.name = name;
    browser.options = options;
    browser.profile = await mkdtemp(join(tmpdir(), `cachette-${name}-`));
    await browser.resume();
    return browser;
  }

  /** Opens somebody else's profile in the same process and in memory: the two know nothing of each other, and it is there at once. */
  async beside() {
    const other = new Browser();
    Object.assign(other, { name: this.name, options: { beside: true }, profile: "beside" });
    other.context = await this.context.browser().newContext({ viewport: null });
    return other;
  }

  async resume() {
    const { executablePath, launch } = BROWSERS[this.name];
    if (!existsSync(executablePath)) throw new Error(`${executablePath} is missing`);
    if (this.options.plain) return this.#resumePlain(executablePath);
    const { type, options } = launch(this.profile, this.options);
    if (this.options.incognito && this.name === "chromium") {
      const browser = await type.launch({ executablePath, headless: true, ...options });
      this.context = await browser.newContext();
      this.context.once("close", () => browser.close());
      return;
    }
    // Without a locale, Chromium takes no file whose name goes beyond ASCII.
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    this.context = await type.launchPersistentContext(this.profile, { executablePath, headless: true, viewport: null, env, ...options });
  }

  /** Starts Chromium as a person does: playwright-core makes every page believe that it is looked at, and such a page never freezes. */
  async #resumePlain(program) {
    const ports = join(this.profile, "DevToolsActivePort");
    await rm(ports, { force: true });
    spawn(program, [...CHROMIUM, "--headless=new", "--remote-debugging-port=0", `--user-data-dir=${this.profile}`, "about:blank"], { stdio: "ignore" });
    let port = "";
    for (let tries = 0; !/^\d+\n/.test(port); tries++) {
      if (tries > 1000) throw new Error(`${program} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      port = existsSync(ports) ? readFileSync(ports, "utf8") : "";
    }
    const browser = await playwright.chromium.connectOverCDP(`http://127.0.0.1:${Number.parseInt(port)}`, { noDefaults: true });
    [this.context] = browser.contexts();
  }

  /** Keeps what is on the screen, for whoever wants to know why a test failed. */
  async photograph(title) {
    for (const [number, page] of this.context.pages().entries()) {
      const path = join(tmpdir(), "cachette-failed", `${title.replaceAll("::", "-")}-${this.profile.slice(-6)}-${number}.png`);
      if (page.url() !== "about:blank" && (await page.screenshot({ path, timeout: 5_000 }).catch(() => undefined))) console.log(`   see ${path}`);
    }
  }

  /** Opens a page of the tests. */
  async page(origin, path = "/") {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => console.log(`   ${this.name}, on the page: ${error.message}`));
    await page.goto(`${origin}${path}`);
    return new Page(page, this.name);
  }

  /** Caps what an origin may store, where the profile has not done so. */
  async cap(page, origin, quota) {
    if (this.name !== "chromium") return;
    const devtools = await this.context.newCDPSession(page.page);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: quota });
  }

  /** Ends the browser's processes as a crash of the machine would, without a word. */
  async kill() {
    const closed = new Promise((resolve) => this.context.once("close", resolve));
    this.signal("SIGKILL");
    await closed;
  }

  signal(signal) {
    for (const pid of processes(this.profile)) {
      try {
        process.kill(pid, signal);
      } catch {
        // It went with another one.
      }
    }
  }

  async end() {
    if (this.options.plain) this.signal("SIGKILL");
    else await this.context.close();
    if (this.options.beside) return;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A page, and calls to its workers. */
export class Page {
  constructor(page, browser) {
    this.page = page;
    this.browser = browser;
  }

  call(worker, method, ...values) {
    const called = this.page.evaluate(([worker, method, values]) => globalThis.call(worker, method, ...values), [worker, method, values]);
    return noted(this.browser, `${worker}: ${method}(${JSON.stringify(values)})`, called);
  }

  /** Ends a worker in the middle of whatever it does. */
  end(worker) {
    return this.page.evaluate((worker) => globalThis.end(worker), worker);
  }

  async reload() {
    await this.page.reload();
  }

  close() {
    return this.page.close();
  }
}

/** Returns the processes whose command line names a profile. */
function processes(profile) {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(profile);
    } catch {
      return false;
    }
  });
}
