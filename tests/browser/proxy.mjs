// Stands between a tab and a node: makes the way longer, and says on the node's behalf what no node says.

import { randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";

/** The bytes of a message that nobody can want. More, and the browser's remote control, which repeats every message as text, would fail. */
export const HUGE = 128 << 20;

export class Proxy {
  static async start() {
    const proxy = new Proxy();
    proxy.links = new Set();
    /** Milliseconds that bytes take to either side. */
    proxy.delay = 0;
    proxy.server = createServer((tab) => proxy.join(tab));
    await new Promise((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    proxy.address = `ws://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  to(listen) {
    const [host, port] = listen.split(":");
    this.target = { host, port: Number(port) };
  }

  join(tab) {
    const node = connect(this.target);
    const link = { tab, node, frames: new Frames() };
    this.links.add(link);
    const over = () => {
      this.links.delete(link);
      tab.destroy();
      node.destroy();
    };
    for (const socket of [tab, node]) socket.on("error", over).on("close", over);
    tab.on("data", (bytes) => this.#pass(this.origin ? from(this.origin, bytes) : bytes, tab, node));
    node.on("data", (bytes) => {
      link.frames.read(bytes);
      this.#pass(bytes, node, tab);
    });
  }

  #pass(bytes, source, to) {
    const arrive = () => {
      if (to.write(bytes) || source.isPaused()) return;
      source.pause();
      to.once("drain", () => source.resume());
    };
    if (this.delay > 0) setTimeout(arrive, this.delay);
    else arrive();
  }

  /** Says something between two frames of the node. */
  async inject(harm) {
    const [link] = this.links;
    while (!link.frames.between) await new Promise((resolve) => setImmediate(resolve));
    this.victim = link;
    if (harm === "text") link.tab.write(frame(1, 5, Buffer.from("hello")));
    if (harm === "noise") for (let count = 0; count < 64; count++) link.tab.write(frame(2, 256 << 10, randomBytes(256 << 10)));
    if (harm === "huge") {
      link.tab.write(frame(2, HUGE, Buffer.alloc(0)));
      const piece = Buffer.alloc(4 << 20);
      for (let sent = 0; sent < HUGE && !link.tab.destroyed; sent += piece.length) {
        await new Promise((resolve) => link.tab.write(piece, resolve));
      }
    }
  }

  closed() {
    return !this.links.has(this.victim);
  }

  async end() {
    for (const { tab, node } of this.links) {
      tab.destroy();
      node.destroy();
    }
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Knows where the frames of a server begin and end, behind its answer to the upgrade. */
class Frames {
  constructor() {
    this.upgraded = false;
    this.rest = Buffer.alloc(0);
    this.left = 0;
    this.between = false;
  }

  read(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.upgraded) {
      const end = this.rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.upgraded = true;
      this.rest = this.rest.subarray(end + 4);
    }
    for (;;) {
      const skipped = Math.min(this.left, this.rest.length);
      this.rest = this.rest.subarray(skipped);
      this.left -= skipped;
      if (this.left > 0 || this.rest.length < 2) break;
      const short = this.rest[1] & 0x7f;
      const header = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (this.rest.length < header) break;
      this.left = short === 127 ? Number(this.rest.readBigUInt64BE(2)) : short === 126 ? this.rest.readUInt16BE(2) : short;
      this.rest = this.rest.subarray(header);
    }
    this.between = this.left === 0 && this.rest.length === 0;
  }
}

/** A page's request as a page of another origin would make it. */
const from = (origin, bytes) => Buffer.from(bytes.toString("latin1").replace(/^origin: .*$/im, `Origin: ${origin}`), "latin1");

/** A server's frame whose header says so many bytes. */
function frame(kind, length, content) {
  const header = length < 126 ? Buffer.from([0x80 | kind, length]) : Buffer.alloc(10);
  if (length >= 126) {
    header[0] = 0x80 | kind;
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, content]);
}
