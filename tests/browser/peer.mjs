// A whole peer in a worker, with real IndexedDB, real sockets and real nodes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { command } from "./nodes.mjs";

const MIB = 1 << 20;
const PEER = "peer";

/** Polls until something is so; a condition may say instead how it is. */
async function eventually(what, condition) {
  const until = Date.now() + 30_000;
  for (let found; (found = await condition()) !== true; ) {
    if (Date.now() > until) throw new Error(`waited in vain: ${what}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A peer in a page, by the name of its worker. */
function at(page, worker = PEER) {
  return new Proxy({}, { get: (_, method) => (...values) => page.call(worker, method, ...values) });
}

const failsWith = (code) => (error) => {
  assert.match(error.message, new RegExp(`\\[${code}\\]`));
  return true;
};

export const tests = {
  async a_vault_without_nodes_lives_in_the_browser_and_outlives_a_reload({ page, name }) {
    const peer = at(page);
    const { seed } = await peer.found(name);
    const opened = await peer.open(name, seed);
    await peer.makeFolder("/photos", 1_700_000_000_123);
    assert.deepEqual(await peer.put("/photos/a.jpg", "a", 3 * MIB + 7, 1_600_000_000_456), { size: 3 * MIB + 7, newBytes: 3 * MIB + 7 });
    assert.deepEqual(await peer.commit("first"), { changed: true, copies: { durable: 1, safeAt: 1, wanted: 1 } });
    assert.deepEqual(await peer.commit("nothing"), { changed: false });
    await page.reload();
    assert.deepEqual(await peer.open(name, seed, { fence: 3 }), opened);
    const [folder] = await peer.list("/");
    assert.deepEqual(folder, { name: "photos", kind: "folder", size: 0, modified: 1_700_000_000_123 });
    assert.deepEqual(await peer.stat("/photos/a.jpg"), { name: "a.jpg", kind: "file", size: 3 * MIB + 7, modified: 1_600_000_000_456 });
    const read = await peer.read("/photos/a.jpg");
    assert.equal(read.hash, await peer.hashOf("a", 3 * MIB + 7));
    assert.ok(read.largest <= MIB);
    const part = await peer.read("/photos/a.jpg", MIB - 3, 2 * MIB);
    assert.equal(part.hash, await peer.hashOf("a", 3 * MIB + 7, MIB - 3, 3 * MIB - 3));
    assert.equal((await peer.read("/photos/a.jpg", 3 * MIB, 100)).length, 7);
    const { mine, blocks } = await peer.storage();
    assert.ok(mine > 3 * MIB && blocks >= 4, `${mine} ${blocks}`);
  },

  async what_a_tab_puts_is_safe_on_its_nodes_and_read_by_the_command_line({ page, name, node }) {
    const nodes = [await node("--name", "attic"), await node("--name", "cellar")];
    const peer = at(page);
    const { seed, words } = await peer.found(name);
    await peer.open(name, seed);
    await peer.put("/before.bin", "before", 2 * MIB);
    await peer.commit();
    for (const node of nodes) assert.equal((await peer.join(await node.invitation())).peer, node.peer);
    assert.deepEqual((await peer.spread()).copies, { durable: 2, safeAt: 2, wanted: 2 });
    assert.deepEqual((await peer.nodes()).map(({ name }) => name).sort(), ["attic", "cellar"]);
    const put = await peer.put("/after.bin", "after", 20 * MIB);
    assert.equal(put.size, 20 * MIB);
    assert.deepEqual((await peer.commit()).copies, { durable: 2, safeAt: 2, wanted: 2 });
    const events = await peer.events();
    assert.equal(events.filter(({ type }) => type === "peer-up").length, 2);
    const placed = events.filter(({ type }) => type === "placed").at(-1);
    assert.ok(placed.done >= 20 && placed.waiting === 0 && placed.bytes === 0, JSON.stringify(placed));
    assert.deepEqual(await peer.refresh(), { answered: 2, of: 2 });
    await eventually("the nodes say how they are", async () => {
      const peers = await peer.peers();
      const well = ({ kind, state, path, received, used, blocks, limit }) =>
        kind === "node" && state === "up" && path === "direct" && received > 0 && used > 20 * MIB && blocks > 20 && limit > used;
      return (peers.length === 2 && peers.every(well)) || JSON.stringify(peers);
    });
    await peer.close();

    const home = await mkdtemp(join(tmpdir(), "cachette-client-"));
    try {
      await command(home, ["init", "--restore", "--node", nodes[0].address], { input: words });
      for (const [path, of, length] of [["/before.bin", "before", 2 * MIB], ["/after.bin", "after", 20 * MIB]]) {
        const bytes = await command(home, ["cat", path], { raw: true });
        assert.equal(createHash("sha256").update(bytes).digest("hex"), await peer.hashOf(of, length));
      }
    } finally {
      await rm(home, { recursive: true });
    }
  },

  async folders_are_listed_in_pieces_and_changed({ page, name }) {
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed);
    for (let number = 0; number < 25; number++) await peer.put(`/many/${number}`, `${number}`, 100 + number);
    await peer.commit();
    const names = [];
    for (let after; ; ) {
      const some = await peer.list("/many", after, 10);
      if (some.length === 0) break;
      names.push(...some.map(({ name }) => name));
      after = names.at(-1);
    }
    assert.deepEqual(names, Array.from({ length: 25 }, (_, number) => `${number}`).sort());
    await peer.rename("/many/7", "/seven");
    await peer.remove("/many");
    await peer.commit();
    assert.deepEqual((await peer.list("/")).map(({ name }) => name), ["seven"]);
    assert.equal((await peer.read("/seven")).hash, await peer.hashOf("7", 107));
  },

  async failures_say_what_they_are({ page, name }) {
    const peer = at(page);
    await assert.rejects(peer.open(name, "00".repeat(32)), failsWith("not-found"));
    const { seed } = await peer.found(name, 3);
    await assert.rejects(peer.found(name, 3), failsWith("exists"));
    await assert.rejects(peer.open(name, "00".repeat(32), { fence: 3 }), failsWith("no-key"));
    await assert.rejects(peer.open(name, "00"), failsWith("damaged"));
    await peer.open(name, seed, { fence: 4 });
    await peer.put("/file", "f", 10);
    await peer.makeFolder("/folder");
    await peer.commit();
    await assert.rejects(peer.stat("/nothing"), failsWith("not-found"));
    await assert.rejects(peer.read("/folder"), failsWith("not-a-file"));
    await assert.rejects(peer.list("/file"), failsWith("not-a-folder"));
    await assert.rejects(peer.stat(`/${"n".repeat(300)}`), failsWith("wrong-path"));
    await assert.rejects(peer.stat("/../up"), failsWith("wrong-path"));
    await assert.rejects(peer.join("hello"), failsWith("wrong-invitation"));
    await assert.rejects(peer.overfill("/more"), failsWith("internal"));
    await peer.beginPut("left", "/left", "x");
    await peer.cancel("left");
    await assert.rejects(peer.endPut("left"), failsWith("cancelled"));
    await peer.close();
    await assert.rejects(peer.list("/"), failsWith("closed"));
  },

  async a_device_opens_with_its_password_and_its_words_only({ page }) {
    const peer = at(page);
    const seed = "5a".repeat(32);
    const locked = await peer.lock(seed, "correct horse");
    assert.ok(!locked.includes(seed));
    assert.equal(await peer.unlock(locked, "correct horse"), seed);
    await assert.rejects(peer.unlock(locked, "battery"), failsWith("wrong-password"));
    const words = await peer.words(seed);
    assert.equal(await peer.fromWords(` 1. ${words.toUpperCase()}\n`), seed);
    await assert.rejects(peer.fromWords(words.replace(/^\w+/, "xyzzy")), failsWith("wrong-words"));
    await assert.rejects(peer.fromWords("abandon"), failsWith("wrong-words"));
  },

  async b05_b06_whoever_led_before_writes_nothing_and_stops({ page, name }) {
    const [first, second] = [at(page, "peer 1"), at(page, "peer 2")];
    const { seed } = await first.found(name);
    await first.open(name, seed, { fence: 10 });
    await first.put("/kept", "kept", MIB);
    await first.commit();
    await first.put("/staged", "staged", 100);
    await second.open(name, seed, { fence: 11 });
    // It was frozen meanwhile and knows of nothing.
    await assert.rejects(first.commit(), failsWith("closed"));
    const [fatal] = (await first.events()).filter(({ type }) => type === "fatal");
    assert.equal(fatal.code, "stale-leader");
    assert.deepEqual((await second.list("/")).map(({ name }) => name), ["kept"]);
    await second.put("/later", "later", 100);
    await second.commit();
    await assert.rejects(first.open(name, seed, { fence: 10 }), failsWith("stale-leader"));
    // Of two that chose one number, the later one leads.
    await first.open(name, seed, { fence: 11 });
    await second.put("/lost", "lost", 100);
    await assert.rejects(second.commit(), failsWith("closed"));
    assert.deepEqual((await first.list("/")).map(({ name }) => name), ["kept", "later"]);
  },

  async b14_a_sealing_worker_that_dies_leaves_nothing_waiting({ page, name }) {
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed, { sealing: 2 });
    await peer.put("/one", "one", 4 * MIB);
    await peer.killSealers();
    await peer.put("/two", "two", 4 * MIB);
    await peer.commit();
    for (const of of ["one", "two"]) assert.equal((await peer.read(`/${of}`)).hash, await peer.hashOf(of, 4 * MIB));
  },

  async without_a_sealing_worker_the_peer_seals_itself({ page, name }) {
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed, { sealing: 0 });
    await peer.put("/one", "one", 4 * MIB);
    await peer.commit();
    assert.equal((await peer.read("/one")).hash, await peer.hashOf("one", 4 * MIB));
  },

  async a_reader_that_does_not_ask_is_given_no_more_than_a_little({ page, name }) {
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed);
    await peer.put("/long", "long", 24 * MIB);
    await peer.commit();
    assert.ok((await peer.beginRead("r", "/long")) > 0);
    await peer.cancel("r");
    let given = 0;
    await assert.rejects(async () => {
      for (let piece; (piece = await peer.readOn("r")) !== undefined; ) given += piece;
    }, failsWith("cancelled"));
    assert.ok(given <= 4 * MIB, `${given}`);
  },
};

export { at, eventually, failsWith };
