// Runs the browser tests: `node run.mjs [WORD…]` runs those whose browser or name contains a word. Prints what Rust's test binaries print.

import { fileURLToPath } from "node:url";

import * as app from "./app.mjs";
import { BROWSERS, Browser } from "./browsers.mjs";
import * as faults from "./faults.mjs";
import * as leader from "./leader.mjs";
import * as network from "./network.mjs";
import { Node, Nodes } from "./nodes.mjs";
import * as files from "./package.mjs";
import * as packaging from "./packaging.mjs";
import * as pages from "./pages.mjs";
import * as parts from "./parts.mjs";
import * as peer from "./peer.mjs";
import { serve } from "./server.mjs";
import * as sharing from "./sharing.mjs";
import * as store from "./store.mjs";
import * as strict from "./strict.mjs";
import * as vectors from "./vectors.mjs";
import { waitingIn } from "./waiting.mjs";
import * as watching from "./watching.mjs";

const FILES = { faults, network, peer, package: files, leader, packaging, parts, store, vectors, app, strict, pages, sharing, watching };
/** A test that takes so many seconds hangs, unless its file has more `patience`. */
const PATIENCE = 90;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = process.argv.slice(2);
const count = { passed: 0, failed: 0, ignored: 0 };
const start = Date.now();

const server = await serve({ "/wasm/": here("dist/"), "/package/": here("../../target/package/"), "/": here("page/") });
const nodes = new Nodes();
await Promise.all(Object.keys(BROWSERS).map(runIn));
await nodes.end();
await server.close();
const seconds = ((Date.now() - start) / 1000).toFixed(2);
const verdict = count.failed ? "FAILED" : "ok";
console.log(`\ntest result: ${verdict}. ${count.passed} passed; ${count.failed} failed; ${count.ignored} ignored; finished in ${seconds}s`);
process.exitCode = count.failed ? 1 : 0;
// A browser that hangs would keep this process alive.
setTimeout(() => process.exit(), 5000).unref();

async function runIn(name) {
  // A file has tests for all browsers, and may have some for one of them under its name.
  const chosen = Object.entries(FILES).flatMap(([file, { tests, patience = PATIENCE, ...only }]) =>
    Object.entries({ ...tests, ...only[name] })
      .map(([title, test]) => ({ title: `${name}::${file}::${title}`, test, patience }))
      .filter(({ title }) => words.length === 0 || words.some((word) => title.includes(word))),
  );
  if (chosen.length === 0) return;
  const browser = await Browser.start(name);
  for (const { title, test, patience } of chosen) await runOne(browser, title, test, patience);
  await within(PATIENCE, browser.end()).catch(() => browser.signal("SIGKILL"));
}

async function runOne(browser, title, test, patience) {
  const own = [];
  const begin = Date.now();
  const world = {
    browser,
    origin: server.origin,
    nodes,
    name: title,
    /** Opens a profile for somebody else that ends with the test. */
    someone: async () => {
      const other = await browser.beside();
      own.push(other);
      return other;
    },
    /** Starts another browser of the same kind that ends with the test. */
    start: async (options) => {
      const started = await Browser.start(browser.name, options);
      own.push(started);
      return started;
    },
    /** Has something ended with the test. */
    own: (started) => {
      own.push(started);
      return started;
    },
    /** Starts a storage node that ends with the test. */
    node: async (...options) => {
      const started = await Node.start(...options);
      own.push(started);
      return started;
    },
  };
  try {
    world.page = await within(patience, browser.page(server.origin));
    const note = await within(patience, test(world));
    count.passed++;
    console.log(`test ${title} ... ok`);
    if (process.env.CACHETTE_TIMES) console.log(`   ${Date.now() - begin} ms ${note ?? ""}`);
  } catch (error) {
    count.failed++;
    console.log(`test ${title} ... FAILED\n   ${error.stack ?? error}`);
    for (const what of waitingIn(browser.name)) console.log(`   it waits for ${what}`);
    for (const started of own) if (started instanceof Browser) await started.photograph(title);
  } finally {
    // What does not end by itself must not keep the other tests from running.
    await within(PATIENCE, Promise.all([world.page?.close(), ...own.map((started) => started.end())])).catch(async (error) => {
      console.log(`   ${title}: cleaning up: ${error.message}`);
      for (const started of own) if (!started.options?.beside) started.signal?.("SIGKILL");
    });
  }
}

/** Waits so many seconds at most. */
async function within(seconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
