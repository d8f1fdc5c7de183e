// How fast the store in a browser is beside raw IndexedDB in the same page: `cargo xtask bench --browser`. Prints; judges nothing.

import { fileURLToPath } from "node:url";

import { BROWSERS, Browser } from "./browsers.mjs";
import { serve } from "./server.mjs";

const ROUNDS = 3;
const BLOCKS = 64;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const server = await serve({ "/wasm/": here("dist/"), "/": here("page/") });
for (const name of Object.keys(BROWSERS)) {
  const browser = await Browser.start(name);
  const page = await browser.page(server.origin);
  for (let round = 0; round < ROUNDS; round++) {
    await page.call(`${round}`, "open", `store-${round}`);
    for (const [what, milliseconds] of Object.entries(await page.call(`${round}`, "speed", `raw-${round}`, BLOCKS))) {
      console.log(`${name} ${what}: ${Math.round((BLOCKS * 1000) / milliseconds)} MiB/s`);
    }
  }
  await browser.end();
}
await server.close();
