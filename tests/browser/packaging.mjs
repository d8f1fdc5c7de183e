// The tarball as people get it: installed, and loaded by whatever they build with.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { build } from "vite";

import { serve } from "./server.mjs";

const run = promisify(execFile);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const NODE_22 = here(`node_modules/node-linux-${process.arch}/bin/node`);

/** Unpacks the tarball into a project's `node_modules`, as npm would. */
async function installed() {
  const project = await mkdtemp(join(tmpdir(), "cachette-packaging-"));
  const [tarball] = (await readdir(here("../../target/npm"))).filter((name) => name.endsWith(".tgz"));
  await cp(here("packaging"), project, { recursive: true });
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  const place = join(project, "node_modules/cachette");
  await mkdir(place, { recursive: true });
  await run("tar", ["-xzf", here(`../../target/npm/${tarball}`), "-C", place, "--strip-components=1"]);
  return project;
}

const page = (script, head = "") => `<!doctype html><meta charset="utf-8"><title>Packaging</title>${head}<script type="module" src="${script}"></script>`;

/** Opens a page and returns what it said in the end. */
async function said(browser, address) {
  const page = await browser.context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    const { url } = message.location();
    if (message.type() === "error" && !url.endsWith("/favicon.ico")) errors.push(`${url}: ${message.text()}`);
  });
  await page.goto(address);
  try {
    await page.waitForFunction(() => globalThis.said, undefined, { timeout: 20_000 });
  } catch (error) {
    throw new Error(`${error.message}: ${errors.join("; ")}`);
  }
  const said = await page.evaluate(() => globalThis.said);
  assert.deepEqual(errors, []);
  await page.close();
  return said;
}

export const chromium = {
  async a_vite_build_has_the_workers_and_the_module({ browser, name }) {
    const root = await installed();
    await writeFile(join(root, "index.html"), page("/main.js"));
    await build({ root, logLevel: "error", build: { target: "esnext" } });
    const server = await serve({ "/": join(root, "dist/") });
    assert.equal(await said(browser, `${server.origin}/?name=${name}`), "hello");
    const wasm = (await readdir(join(root, "dist/assets"))).filter((file) => file.endsWith(".wasm"));
    assert.equal(wasm.length, 1, "the module is there once");
    await server.close();
    await rm(root, { recursive: true });
  },

  async a_page_without_a_bundler_and_a_worker_load_it_as_it_is({ browser, name }) {
    const root = await installed();
    const server = await serve({ "/": `${root}/` });
    // Import maps are inline scripts, so the bare name is written out.
    for (const file of ["main.js", "slim.js", "worker.js"]) {
      const text = await readFile(join(root, file), "utf8");
      const plain = text
        .replace('"cachette"', '"./node_modules/cachette/index.js"')
        .replace('"cachette/slim"', '"./node_modules/cachette/slim.js"')
        .replace('"cachette/wasm"', '"./node_modules/cachette/cachette_wasm_bg.wasm"');
      await writeFile(join(root, file), plain);
    }
    await writeFile(join(root, "index.html"), page("./main.js"));
    await writeFile(join(root, "slim.html"), page("./slim.js"));
    await writeFile(join(root, "starter.js"), 'new Worker("./worker.js", { type: "module", name: "in a worker" }).onmessage = ({ data }) => (globalThis.said = data);');
    await writeFile(join(root, "worker.html"), page("./starter.js"));
    assert.equal(await said(browser, `${server.origin}/?name=${name}`), "hello");
    assert.equal(await said(browser, `${server.origin}/slim.html?name=${name}-slim`), "hello invalid-argument");
    assert.equal(await said(browser, `${server.origin}/worker.html`), "hello");
    await server.close();
    await rm(root, { recursive: true });
  },

  async node_22_puts_to_a_node_and_older_releases_are_told({ nodes }) {
    const root = await installed();
    const [invitation] = await nodes.invitations(1);
    const answer = async (node) => JSON.parse((await run(node, [join(root, "node.mjs"), invitation], { timeout: 60_000 })).stdout);
    assert.deepEqual(await answer(NODE_22), { text: "hello", safety: "safe", same: true });
    if (Number(process.versions.node.split(".")[0]) < 22) {
      const { ours, code, message } = await answer(process.execPath).catch((error) => ({ message: error.message }));
      assert.deepEqual([ours, code], [true, "unsupported"], message);
    }
    await rm(root, { recursive: true });
  },

  async w10_the_tarball_runs_nothing_when_it_is_installed_and_holds_no_more_than_it_needs() {
    const root = await installed();
    const folder = join(root, "node_modules/cachette");
    const { scripts, dependencies, devDependencies, sideEffects } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    assert.deepEqual([scripts, dependencies, devDependencies, sideEffects], [undefined, undefined, undefined, false]);
    const files = await readdir(folder);
    const known = /^(README\.md|LICENSE-(MIT|APACHE)|package\.json|[a-z_-]+\.(js|d\.ts)|cachette_wasm_bg\.wasm)$/;
    assert.deepEqual(files.filter((file) => !known.test(file)), []);
    const module = await readFile(join(folder, "cachette_wasm_bg.wasm"));
    assert.deepEqual(module, await readFile(here("../../wasm/dist/cachette_wasm_bg.wasm")), "the module is the one that was built");
    for (const file of files.filter((file) => file.endsWith(".js"))) {
      const text = await readFile(join(folder, file), "utf8");
      assert.doesNotMatch(text, /\beval\(|new Function\(|https?:\/\/(?!localhost)/, file);
    }
    await rm(root, { recursive: true });
  },
};

export const tests = {};
