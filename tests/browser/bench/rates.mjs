// How fast a worker puts and gets, beside what the same worker does without this project in the same run.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import { Node } from "../nodes.mjs";
import { MIB, middle, rate, say } from "./report.mjs";

const ROUNDS = 5;
/** MiB of each measurement. */
const SIZE = 64;

/** Puts into a vault without nodes: one copy, in IndexedDB. */
export async function puts({ browser, page }) {
  const peer = (method, ...values) => page.call("peer", method, ...values);
  const { seed } = await peer("found", "local");
  await peer("open", "local", seed);
  await compare(browser.name, "put, one copy in IndexedDB", "strict writes of 1 MiB", async (round) => {
    const raw = await peer("timeRawWrites", `raw writes ${round}`, SIZE);
    return [raw, await peer("timePut", `/${round}`, SIZE)];
  });
  await peer("close");
}

/** Gets what another device put on a node, by a peer that has nothing of it. */
export async function gets({ browser, page }) {
  const node = await Node.start("--store-limit", "20GiB", "--invite", "20GiB");
  const messages = await serveMessages();
  const [writer, reader] = ["peer writing", "peer reading"].map((worker) => (method, ...values) => page.call(worker, method, ...values));
  const { seed: writing, words } = await writer("found", "writing");
  await writer("open", "writing", writing);
  await writer("join", await node.invitation());
  for (let round = 0; round < ROUNDS; round++) await writer("timePut", `/${round}`, SIZE);
  await writer("close");
  const { seed: reading } = await reader("restore", "reading", words, [node.address]);
  await reader("open", "reading", reading);
  await reader("refresh");
  await compare(browser.name, "get from a node, verified and opened", "messages of 1 MiB", async (round) => {
    const raw = await reader("timeRawMessages", messages.url, SIZE);
    return [raw, await reader("timeGet", `/${round}`)];
  });
  await reader("close");
  messages.close();
  await node.end();
}

/** Measures in pairs, since a machine is not always equally fast. */
async function compare(browser, what, limit, measure) {
  const [raw, ours, share] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const [theirs, own] = (await measure(round)).map((milliseconds) => rate(SIZE * MIB, milliseconds));
    raw.push(theirs);
    ours.push(own);
    share.push((100 * own) / theirs);
  }
  const range = share.map(Math.round).toSorted((one, other) => one - other);
  const seen = `${Math.round(middle(ours))} MiB/s, ${Math.round(middle(share))} % (${range.at(0)}–${range.at(-1)}) of ${limit}: ${Math.round(middle(raw))} MiB/s`;
  say(browser, what, seen, "60 %");
}

/** Sends messages of 1 MiB to whoever connects, as fast as they go. */
async function serveMessages() {
  const message = Buffer.alloc(10 + MIB);
  message.set([0x82, 127]);
  message.writeBigUInt64BE(BigInt(MIB), 2);
  randomBytes(MIB).copy(message, 10);
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
