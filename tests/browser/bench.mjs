// What issue and benchmarks ask of the browser, in numbers: `cargo xtask bench --browser [WORD…]`. Prints; judges nothing. Rates stand
// beside what the same page does without this project in the same run.

import { fileURLToPath } from "node:url";

import { app } from "./bench/app.mjs";
import { large, small } from "./bench/package.mjs";
import { gets, puts } from "./bench/rates.mjs";
import { BROWSERS, Browser } from "./browsers.mjs";
import { serve } from "./server.mjs";

const PARTS = { puts, gets, large, small, app };

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const words = process.argv.slice(2);
const server = await serve({ "/wasm/": here("dist/"), "/package/": here("../../target/package/"), "/": here("page/") });
for (const name of Object.keys(BROWSERS)) {
  for (const [part, measure] of Object.entries(PARTS)) {
    if (words.length > 0 && !words.some((word) => `${name} ${part}`.includes(word))) continue;
    // Each with a profile of its own: nothing is left from what came before.
    const browser = await Browser.start(name);
    try {
      await measure({ browser, page: await browser.page(server.origin), origin: server.origin });
    } catch (error) {
      console.log(`${name} ${part} failed: ${error.stack}`);
      process.exitCode = 1;
    }
    await browser.end();
  }
}
await server.close();
// What a part left open when it failed would keep this process alive.
process.exit();
