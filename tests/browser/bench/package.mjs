// What somebody who uses the package meets: a large file in and out, and a folder of small ones.

import { randomFillSync } from "node:crypto";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Nodes, Node } from "../nodes.mjs";
import { Tab } from "../tab.mjs";
import { MemoryWatch } from "./memory.mjs";
import { MIB, middle, rate, say } from "./report.mjs";

const LARGE = 2048 * MIB;
const ROUNDS = 3;

/** A file from the disk, streamed in and out again, and what page and workers take meanwhile. */
export async function large({ browser, origin }) {
  const folder = await mkdtemp(join(tmpdir(), "cachette-large-"));
  const node = await Node.start("--store-limit", "20GiB", "--invite", "20GiB");
  const tab = await Tab.open(browser, origin);
  try {
    const path = join(folder, "large");
    await fill(path, LARGE);
    await tab.act("open", "a", { name: "large", invitation: await node.invitation() });
    await tab.choose(path);
    for (const [what, action] of [["in", "putChosen"], ["out", "drain"]]) {
      const watch = MemoryWatch.begin(browser);
      const begin = performance.now();
      await tab.act(action, "a", "/large");
      const speed = Math.round(rate(LARGE, performance.now() - begin));
      say(browser.name, `2 GiB ${what}: memory above idle`, `${Math.round(watch.end())} MiB, at ${speed} MiB/s`, "128 MiB");
    }
  } finally {
    await tab.close();
    await node.end();
    await rm(folder, { recursive: true });
  }
}

/** A folder of small files, until it is safe on three nodes. */
export async function small({ browser, origin }) {
  const nodes = new Nodes();
  const tab = await Tab.open(browser, origin);
  const [invitation, ...others] = await nodes.invitations(3);
  await tab.act("open", "a", { name: "small", invitation });
  for (const other of others) await tab.act("call", "a", "join", other);
  const took = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { ms, failed, copies } = await tab.act("putAll", "a", 1000, 4096, `/${round}`);
    if (failed.length > 0 || copies.durable < 3) throw new Error(`not safe: ${JSON.stringify({ failed: failed[0], copies })}`);
    took.push(ms / 1000);
  }
  const range = `${Math.min(...took).toFixed(1)}–${Math.max(...took).toFixed(1)}`;
  say(browser.name, "1,000 files of 4 KiB safe on 3 nodes", `${middle(took).toFixed(1)} s (${range})`, "5 s");
  await tab.close();
  await nodes.end();
}

/** Writes a file that no store has seen and no codec makes shorter. */
async function fill(path, size) {
  const file = await open(path, "w");
  const piece = Buffer.alloc(16 * MIB);
  for (let written = 0; written < size; written += piece.length) await file.write(randomFillSync(piece));
  await file.close();
}
