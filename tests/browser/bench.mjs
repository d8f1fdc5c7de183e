// How fast a tab stores, puts and gets, beside what the same page does without this project: `cargo xtask bench --browser`. Prints; judges
// nothing.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { BROWSERS, Browser } from "./browsers.mjs";
import { Node } from "./nodes.mjs";
import { serve } from "./server.mjs";

const ROUNDS = 3;
/** MiB of each measurement. */
const SIZE = 64;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const rate = (milliseconds) => (SIZE * 1000) / milliseconds;
const server = await serve({ "/wasm/": here("dist/"), "/": here("page/") });
const messages = await serveMessages();
const node = await Node.start("--store-limit", "20GiB");
for (const name of Object.keys(BROWSERS)) {
  const browser = await Browser.start(name);
  const page = await browser.page(server.origin);
  for (let round = 0; round < ROUNDS; round++) {
    const store = `store-${round}`;
    await page.call(store, "open", store);
    for (const [what, milliseconds] of Object.entries(await page.call(store, "speed", `raw-${round}`, SIZE))) print(name, what, rate(milliseconds));
  }
  // A vault without nodes: one copy, in IndexedDB.
  const { seed } = await page.call("peer", "found", "local");
  await page.call("peer", "open", "local", seed);
  for (let round = 0; round < ROUNDS; round++) {
    const raw = rate(await page.call("peer", "timeRawWrites", `raw writes ${round}`, SIZE));
    const put = rate(await page.call("peer", "timePut", `/${round}`, SIZE));
    compare(name, "put", put, "raw strict writes of 1 MiB", raw);
  }
  // What another device put on a node, read by one that has nothing of it.
  const { seed: writing, words } = await page.call("peer writing", "found", "writing");
  await page.call("peer writing", "open", "writing", writing);
  await page.call("peer writing", "join", (await invite(node)));
  for (let round = 0; round < ROUNDS; round++) await page.call("peer writing", "timePut", `/${round}`, SIZE);
  const { seed: reading } = await page.call("peer reading", "restore", "reading", words, [node.address]);
  await page.call("peer reading", "open", "reading", reading);
  await page.call("peer reading", "refresh");
  for (let round = 0; round < ROUNDS; round++) {
    const raw = rate(await page.call("peer reading", "timeRawMessages", messages.url, SIZE));
    const get = rate(await page.call("peer reading", "timeGet", `/${round}`));
    compare(name, "get", get, "raw messages of 1 MiB", raw);
  }
  await browser.end();
}
await node.end();
messages.close();
await server.close();

function print(browser, what, rate, rest = "") {
  console.log(`${browser} ${what}: ${Math.round(rate)} MiB/s${rest}`);
}

function compare(browser, what, ours, limit, theirs) {
  print(browser, what, ours, `, ${Math.round((100 * ours) / theirs)} % of ${limit}: ${Math.round(theirs)} MiB/s`);
}

/** Returns an invitation that was not used. */
async function invite(node) {
  await node.stop();
  await node.again("--invite", "20GiB");
  return node.invitation();
}

/** Sends messages of 1 MiB to whoever connects, as fast as they go. */
async function serveMessages() {
  const message = Buffer.alloc(10 + (1 << 20));
  message.set([0x82, 127]);
  message.writeBigUInt64BE(BigInt(1 << 20), 2);
  randomBytes(1 << 20).copy(message, 10);
  const server = createServer();
  server.on("upgrade", (request, socket) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    let sent = 0;
    const send = () => {
      while (sent++ <= SIZE) if (!socket.write(message)) return;
    };
    socket.on("drain", send).on("error", () => {});
    send();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `ws://127.0.0.1:${server.address().port}/`, close };
}
