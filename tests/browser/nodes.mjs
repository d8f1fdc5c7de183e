// Storage nodes and the command line, as processes of the binary that was built.

import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BINARY = process.env.CACHETTE_BINARY;

/** A process of the binary that answers in JSON, one object to a line. */
function start(home, ...words) {
  if (!BINARY) throw new Error("CACHETTE_BINARY names no binary; `cargo xtask browsers` sets it");
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("CACHETTE_"));
  const env = { ...Object.fromEntries(own), XDG_CONFIG_HOME: home, HOME: home };
  const child = spawn(BINARY, ["--data-dir", home, "--json", ...words], { env, stdio: ["pipe", "pipe", "pipe"] });
  // Most commands end without having read anything.
  child.stdin.on("error", () => undefined);
  return child;
}

/** A running node: stopped, killed, started again. */
export class Node {
  static async start(...options) {
    const node = new Node();
    node.home = await mkdtemp(join(tmpdir(), "cachette-node-"));
    node.options = options;
    await node.launch("127.0.0.1:0");
    return node;
  }

  async launch(listen, more = []) {
    const child = start(this.home, "serve", "--listen", listen, "--local-listen", "127.0.0.1:0", ...this.options, ...more);
    this.child = child;
    this.log = "";
    child.stderr.on("data", (text) => (this.log += text));
    child.stdin.end();
    this.ended = new Promise((resolve) => child.once("exit", resolve));
    this.events = [];
    this.waiting = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.events.push(JSON.parse(line));
      this.waiting.splice(0).forEach((wake) => wake());
    });
    this.ended.then(() => this.waiting.splice(0).forEach((wake) => wake()));
    const listening = await this.event("listening");
    this.listen = listening.listen;
    this.local = listening.local;
    this.peer = listening.peer;
    this.address = `${listening.addresses[0]}/#${listening.peer}`;
  }

  /** Waits for the next event of a kind. */
  async event(kind) {
    for (;;) {
      const found = this.events.find(({ event }) => event === kind);
      if (found) return found;
      if (this.child.exitCode !== null) throw new Error(`the node ended before it said ${kind}: ${this.log}`);
      await new Promise((resolve) => this.waiting.push(resolve));
    }
  }

  /** Where its own pages are. */
  get origin() {
    return `http://${this.listen}`;
  }

  /** Makes a further invitation, for one more vault. */
  async invite() {
    const [{ invitation }] = await command(this.home, ["invite", "4GiB"]);
    return invitation;
  }

  /** Reads one of its figures; one that was never counted is 0. */
  async figure(name) {
    const text = await (await fetch(`http://${this.local}/metrics`)).text();
    return Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1] ?? 0);
  }

  async invitation() {
    return (await this.event("invitation")).invitation;
  }

  signal(signal) {
    this.child.kill(signal);
  }

  /** Ends it, well or not. */
  async stop(signal = "SIGTERM") {
    this.signal(signal);
    await this.ended;
  }

  /** Removes every block of at least so many bytes from its disk, while it is stopped; returns how many there were. */
  async lose(bytes) {
    let lost = 0;
    for (const path of await readdir(this.home, { recursive: true })) {
      const file = await stat(join(this.home, path));
      if (!path.includes("owners/") || !file.isFile() || file.size < bytes) continue;
      await rm(join(this.home, path));
      lost++;
    }
    return lost;
  }

  /** Starts it again on the same data and port, with further options for this time. */
  again(...more) {
    return this.launch(this.listen, more);
  }

  async end() {
    await this.stop("SIGKILL");
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Nodes that many tests share, started when the first one needs them. */
export class Nodes {
  #started;

  all() {
    this.#started ??= Promise.all(["attic", "cellar", "paris"].map((name) => Node.start("--name", name, "--zone", name)));
    return this.#started;
  }

  /** Makes an invitation from each, or from so many of them. */
  async invitations(count) {
    return Promise.all((await this.all()).slice(0, count).map((node) => node.invite()));
  }

  async end() {
    for (const node of (await this.#started?.catch(() => [])) ?? []) await node.end();
  }
}

/** Runs a command to its end and returns the objects that it printed, or its bytes. */
export async function command(home, words, { input = "", raw = false } = {}) {
  const child = start(home, ...words);
  const [out, err] = [[], []];
  child.stdout.on("data", (bytes) => out.push(bytes));
  child.stderr.on("data", (bytes) => err.push(bytes));
  child.stdin.end(input);
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`cachette ${words.join(" ")} ended with ${code}: ${Buffer.concat(err)}${Buffer.concat(out)}`);
  const bytes = Buffer.concat(out);
  return raw ? bytes : bytes.toString().trim().split("\n").filter(Boolean).map(JSON.parse);
}
