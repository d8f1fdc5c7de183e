// The package, by its public face, in real browsers against real nodes.

import assert from "node:assert/strict";

import { Tab } from "./tab.mjs";

const MIB = 1 << 20;

/** Opens a tab and a new vault in it with this many nodes. */
async function vault({ browser, origin, nodes, name }, count = 3, options = {}) {
  const tab = await Tab.open(browser, origin);
  const [first, ...others] = await nodes.invitations(count);
  const opened = await tab.act("open", "a", { name, invitation: first, ...options });
  for (const invitation of others) await tab.act("call", "a", "join", invitation);
  return { tab, ...opened };
}

export const tests = {
  async a_file_comes_back_whole_from_every_kind_of_source(world) {
    const { tab, words } = await vault(world);
    assert.equal(words.split(" ").length, 24);
    for (const [as, size] of Object.entries({ blob: 3 * MIB + 17, file: 100_000, bytes: 1, stream: 2 * MIB + 5 })) {
      const { file, progress } = await tab.act("put", "a", `/in/${as}`, { seed: size, size, as });
      assert.deepEqual([file.size, file.safety, file.copies.durable], [size, "safe", 3], as);
      assert.equal(file.modified === 1234, as === "file");
      const last = progress.at(-1);
      assert.deepEqual([last.phase, last.sealed, last.sent], ["safe", size, size]);
      const order = progress.map(({ phase }) => ["sealing", "sending", "safe"].indexOf(phase));
      assert.deepEqual(order, order.toSorted(), "phases come in order");
      assert.deepEqual(await tab.act("get", "a", `/in/${as}`, size), { size, wrong: 0 });
    }
    await tab.act("put", "a", "/in/empty", { seed: 0, size: 0 });
    assert.deepEqual(await tab.act("get", "a", "/in/empty", 0), { size: 0, wrong: 0 });
    assert.deepEqual(await tab.act("list", "a", "/in"), ["blob", "bytes", "empty", "file", "stream"]);
    const status = await tab.act("call", "a", "status");
    assert.deepEqual([status.safety, status.nodes, status.leader], ["safe", 3, true]);
    await tab.close();
  },

  async ranges_are_exact_and_a_seek_reads_little(world) {
    const { tab } = await vault(world, 1);
    const size = 4 * MIB;
    await tab.act("put", "a", "/film", { seed: 5, size });
    for (const [start, end] of [[0, 1], [1_000_000, 1_000_001], [MIB - 1, 3 * MIB + 1], [size - 3, undefined], [7, 7]]) {
      const expected = (end ?? size) - start;
      assert.deepEqual(await tab.act("get", "a", "/film", 5, { range: { start, end } }), { size: expected, wrong: 0 }, `${start}..${end}`);
    }
    assert.deepEqual(await tab.act("get", "a", "/film", 5, { range: { start: size + 10 } }), { size: 0, wrong: 0 });
    await tab.refused("invalid-argument", "get", "a", "/film", 5, { range: { start: -1 } });
    await tab.close();
  },

  async a_reader_with_buffers_of_its_own_finds_every_byte_in_them(world) {
    const { tab } = await vault(world, 1);
    const size = 2 * MIB + 5;
    await tab.act("put", "a", "/into", { seed: 3, size });
    // Smaller and larger than what arrives at once.
    for (const room of [1000, MIB + 1]) assert.deepEqual(await tab.act("getInto", "a", "/into", 3, room), { size, wrong: 0 }, `${room}`);
    await tab.close();
  },

  async a_buffer_that_is_freed_holds_nothing(world) {
    const tab = await Tab.open(world.browser, world.origin);
    for (let more = 0; more < 5; more++) assert.equal(await tab.act("free", MIB), 0);
    await tab.close();
  },

  async an_abort_in_the_middle_rejects_with_its_reason_and_the_peer_goes_on(world) {
    const { tab } = await vault(world, 1);
    const size = 6 * MIB;
    const put = await tab.attempt("put", "a", "/half", { seed: 9, size, abortAt: MIB });
    assert.deepEqual([put.name, put.message], ["AbortError", "enough"]);
    await tab.refused("not-found", "call", "a", "stat", "/half");
    const stream = await tab.attempt("put", "a", "/half", { seed: 9, size, as: "stream", abortAt: MIB });
    assert.equal(stream.name, "AbortError");
    // Sealed and on its way to the nodes: given up then, it is not there in the end either.
    const sending = await tab.attempt("put", "a", "/late", { seed: 10, size: MIB, abortAt: MIB });
    assert.equal(sending.name, "AbortError");
    await tab.act("put", "a", "/whole", { seed: 9, size });
    const get = await tab.attempt("get", "a", "/whole", 9, { abortAt: MIB });
    assert.deepEqual([get.name, get.message], ["AbortError", "enough"]);
    const cancelled = await tab.act("get", "a", "/whole", 9, { cancelAt: MIB });
    assert.ok(cancelled.size < size && cancelled.wrong === 0);
    assert.deepEqual(await tab.act("get", "a", "/whole", 9), { size, wrong: 0 });
    assert.deepEqual(await tab.act("list", "a", "/"), ["whole"]);
    await tab.close();
  },

  async folders_are_made_moved_and_removed_and_errors_have_codes(world) {
    const { tab } = await vault(world, 0);
    const { file } = await tab.act("put", "a", "/a/b/c.txt", { seed: 1, size: 10 });
    assert.equal(file.safety, "local", "without nodes a file is only here");
    await tab.act("call", "a", "makeFolder", "/d");
    await tab.act("call", "a", "move", "/a/b", "/d/e");
    assert.deepEqual(await tab.act("list", "a", "/d/e"), ["c.txt"]);
    assert.equal((await tab.act("call", "a", "stat", "/d/e/c.txt")).size, 10);
    await tab.act("call", "a", "remove", "/d");
    assert.deepEqual(await tab.act("list", "a", "/"), ["a"]);
    for (const [code, method, ...values] of [
      ["not-found", "stat", "/d"],
      ["not-found", "remove", "/d"],
      ["not-found", "move", "/d", "/f"],
      ["into-itself", "move", "/a", "/a/g"],
      ["wrong-path", "makeFolder", "/../x"],
      ["wrong-path", "remove", "/"],
      ["wrong-invitation", "join", "nonsense"],
    ]) {
      const { message, hint } = await tab.refused(code, "call", "a", method, ...values);
      assert.ok(message && hint, `${code} says what to do`);
    }
    await tab.act("close", "a");
    await tab.refused("closed", "call", "a", "stat", "/a");
    await tab.close();
  },

  async a_vault_comes_back_from_its_words_and_a_node(world) {
    const { tab, words, vault: id } = await vault(world);
    const size = 2 * MIB;
    await tab.act("put", "a", "/kept", { seed: 3, size });
    const addresses = await tab.act("sheet", "a");
    await tab.refused("vault-exists", "restore", "b", { name: world.name, words, nodes: addresses });
    const name = `${world.name}-again`;
    // The same words in another order have a checksum that holds once in 256 times; one word 24 times never has.
    for (const wrong of [words.split(" ").slice(1), Array(24).fill("abandon")]) {
      await tab.refused("wrong-words", "restore", "b", { name, words: wrong.join(" "), nodes: addresses });
    }
    const restored = await tab.act("restore", "b", { name, words, nodes: addresses.slice(0, 1) });
    assert.equal(restored.vault, id);
    assert.deepEqual(await tab.act("get", "b", "/kept", 3), { size, wrong: 0 });
    await tab.close();
  },

  async a_link_shows_its_file_and_nothing_else_until_it_is_withdrawn(world) {
    const { tab } = await vault(world);
    const size = 2 * MIB;
    await tab.act("put", "a", "/album/one", { seed: 1, size });
    await tab.act("put", "a", "/album/two", { seed: 2, size: 1000 });
    const { id, fragment, url } = await tab.act("share", "a", "/album/one");
    assert.equal(url, `${world.origin}/#${fragment}`);
    assert.deepEqual((await tab.act("shares", "a")).map((share) => [share.id, share.path]), [[id, "/album/one"]]);
    const other = await Tab.open(world.browser, world.origin);
    await other.act("link", "l", url);
    assert.deepEqual(await other.act("list", "l", "/"), ["one"]);
    const range = { start: MIB, end: MIB + 10 };
    assert.deepEqual(await other.act("get", "l", "/one", 1, { range }), { size: 10, wrong: 0 });
    await other.refused("not-found", "get", "l", "/two", 2);
    await other.act("close", "l");
    await other.refused("closed", "get", "l", "/one", 1);
    await other.refused("wrong-link", "link", "l", `${fragment.slice(0, -2)}xx`);
    await tab.act("call", "a", "withdraw", id);
    assert.deepEqual(await tab.act("shares", "a"), []);
    await other.refused("withdrawn", "link", "l", fragment);
    assert.equal(await other.act("state", world.name), "ready", "a link made no vault");
    await tab.close();
    await other.close();
  },

  async b10_a_private_window_promises_nothing({ start, ...world }) {
    const { tab } = await vault({ ...world, browser: await start({ incognito: true }) }, 1);
    const { file } = await tab.act("put", "a", "/note", { seed: 1, size: 1000 });
    assert.deepEqual([file.safety, file.copies.durable], ["safe", 1], "by the node's copy alone");
    const { persisted, ephemeral } = await tab.act("call", "a", "storage");
    // Chromium does not let on.
    assert.deepEqual([persisted, ephemeral], [false, world.browser.name === "firefox"]);
    await tab.close();
  },

  async k10_a_password_locks_the_seed_and_lock_now_forgets_it(world) {
    const { name, browser, origin } = world;
    const { tab } = await vault(world, 0, { password: "a long one" });
    await tab.act("put", "a", "/secret", { seed: 4, size: 100 });
    const other = await Tab.open(browser, origin);
    assert.equal(await other.act("state", name), "locked");
    // The vault is open in this origin, so another tab gets in, until somebody locks.
    await other.act("open", "b", { name });
    await other.act("listen", "b");
    assert.equal(await tab.page.evaluate(isRemembered, name), true, "a takeover needs the seed");
    await tab.act("lock", "a");
    assert.equal(await tab.page.evaluate(isRemembered, name), false, "a key that another tab still holds opens nothing");
    await other.until("the other tab hears of it", (list) => list.some(({ type }) => type === "locked"), "heard", "b");
    await other.refused("locked", "call", "b", "stat", "/secret");
    await other.refused("locked", "open", "b", { name });
    await other.refused("wrong-password", "open", "b", { name, password: "a short one" });
    await other.act("open", "b", { name, password: "a long one" });
    // A takeover asks nobody for the password.
    await tab.act("open", "c", { name });
    await other.close();
    assert.deepEqual(await tab.act("get", "c", "/secret", 4), { size: 100, wrong: 0 });
    await tab.refused("wrong-password", "call", "c", "setPassword", undefined, "a short one");
    await tab.act("call", "c", "setPassword", undefined, "a long one");
    assert.equal(await tab.act("state", name), "ready");
    await tab.close();
  },
};

export const chromium = {
  async b02_cleared_data_comes_back_from_the_nodes(world) {
    const { tab, words } = await vault(world);
    const size = MIB;
    await tab.act("put", "a", "/film", { seed: 6, size });
    const nodes = await tab.act("sheet", "a");
    await tab.act("close", "a");
    const devtools = await tab.devtools();
    await devtools.send("Storage.clearDataForOrigin", { origin: world.origin, storageTypes: "indexeddb" });
    assert.equal(await tab.act("state", world.name), "none");
    await tab.act("restore", "a", { name: world.name, words, nodes });
    assert.deepEqual(await tab.act("get", "a", "/film", 6), { size, wrong: 0 });
    await tab.close();
  },

  async b03_a_browser_that_promises_nothing_is_told_as_it_is(world) {
    const { tab } = await vault(world, 0);
    const devtools = await tab.devtools();
    await devtools.send("Browser.setPermission", { permission: { name: "persistent-storage" }, setting: "denied", origin: world.origin });
    assert.equal(await tab.page.evaluate(() => navigator.storage.persist()), false);
    const { persisted, quota, mine, limit } = await tab.act("call", "a", "storage");
    assert.deepEqual([persisted, quota > 0, mine >= 0, limit > 0], [false, true, true, true]);
    await tab.close();
  },

  async a_thousand_small_files_are_safe_on_three_nodes_with_few_commits(world) {
    const { tab } = await vault(world);
    const { failed, ms, copies } = await tab.act("putAll", "a", 1000, 4096);
    assert.deepEqual(failed, []);
    assert.equal(copies.durable, 3);
    assert.equal((await tab.act("list", "a", "/many")).length, 1000);
    assert.ok(ms < 15_000, `${ms} ms`);
    await tab.close();
    return `${Math.round(ms)} ms`;
  },
};

/** Runs on a page: says whether this browser keeps the seed that a password had opened. */
async function isRemembered(name) {
  const answer = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await answer(indexedDB.open(`cachette-device:${name}`));
  const found = await answer(database.transaction("device").objectStore("device").get("session"));
  database.close();
  return found !== undefined;
}
