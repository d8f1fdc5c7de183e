// What befalls a tab: sleep, hidden timers, bugs of ours, a browser that clears its data or has no room.

import assert from "node:assert/strict";

import { at, eventually } from "./peer.mjs";

const MIB = 1 << 20;
const HOUR = 3_600_000;

/** Opens a new vault with a node. */
async function withNode(page, name, node, options) {
  const peer = at(page);
  const { seed } = await peer.found(name);
  await peer.open(name, seed, options);
  await peer.join(await node.invitation());
  await peer.events();
  return { peer, seed };
}

/** Since when a peer is linked to its node, without a break. */
const linkedSince = async (peer) => (await peer.peers())[0].since;

export const tests = {
  async b11_a_tab_that_slept_for_an_hour_goes_on({ page, name, node }) {
    const { peer } = await withNode(page, name, await node());
    await peer.put("/before", "before", MIB);
    await peer.sleepThrough(HOUR);
    await peer.put("/after", "after", MIB);
    assert.equal((await peer.commit()).copies.durable, 1);
    // The hour counts, though the clock of this test stood still all through it.
    await peer.share("/after");
    const [{ created }] = await peer.shares();
    assert.ok(Math.abs(created - Date.now() - HOUR) < HOUR / 2, `${created - Date.now()} ms from now`);
    // Suspended, its links are not even called in question.
    const link = await linkedSince(peer);
    await peer.suspend(true);
    await peer.sleepThrough(HOUR);
    await peer.suspend(false);
    await peer.put("/last", "last", MIB);
    assert.equal((await peer.commit()).copies.durable, 1);
    assert.equal(await linkedSince(peer), link);
  },

  async b11_a_session_lives_on_one_timer_a_minute({ page, name, node }) {
    const { peer } = await withNode(page, name, await node());
    const link = await linkedSince(peer);
    await peer.suspend(true);
    await peer.hide();
    const until = Date.now() + 3_000;
    // As the tab sees it; every silence that it takes for too long would be one here.
    await eventually("six minutes have passed", () => Date.now() > until);
    await peer.put("/then", "then", 2 * MIB);
    assert.equal((await peer.commit()).copies.durable, 1);
    assert.equal(await linkedSince(peer), link);
  },

  async b14_a_module_that_fails_says_so_and_another_worker_goes_on({ page, name, node }) {
    const { peer, seed } = await withNode(page, name, await node());
    await peer.put("/kept", "kept", 2 * MIB);
    await peer.commit();
    await peer.put("/staged", "staged", MIB);
    await assert.rejects(peer.fail());
    const fatal = (await peer.events()).find(({ type }) => type === "fatal");
    assert.equal(fatal.code, "internal");
    assert.match(fatal.message, /a test wants it so/);
    await page.end("peer");
    await peer.open(name, seed, { fence: 3 });
    assert.deepEqual((await peer.list("/")).map(({ name }) => name), ["kept"]);
    assert.equal((await peer.read("/kept")).hash, await peer.hashOf("kept", 2 * MIB));
    await peer.put("/staged", "staged", MIB);
    assert.equal((await peer.commit()).copies.durable, 1);
  },

  async b16_a_worker_that_ends_in_the_middle_of_a_commit_leaves_the_old_state_or_the_new_one({ page, name, node }) {
    const { peer, seed } = await withNode(page, name, await node());
    await peer.put("/0", "0", 100);
    await peer.commit();
    for (let round = 1; round <= 4; round++) {
      await peer.put(`/${round}`, `${round}`, 3 * MIB);
      // Nobody waits for it.
      await page.page.evaluate(() => void globalThis.call("peer", "commit").catch(() => {}));
      for (let wait = 0; wait < 3 * round; wait++) await peer.events();
      await page.end("peer");
      await peer.open(name, seed, { fence: 2 + round });
      await peer.refresh();
      const names = (await peer.list("/")).map(({ name }) => name);
      assert.ok(names.includes("0") && names.every((name) => Number(name) <= round), `${names}`);
      for (const name of names.slice(1)) assert.equal((await peer.read(`/${name}`)).hash, await peer.hashOf(name, 3 * MIB));
    }
  },

  async d06_a_peer_stops_at_four_fifths_of_what_the_browser_promises({ page, name, node }) {
    const room = 32 * MIB;
    await at(page).promise(room);
    const { peer } = await withNode(page, name, await node());
    await fill(peer, 0.8 * room);
  },

  async a_node_that_is_away_is_waited_for({ page, name, node }) {
    const behind = await node();
    const { peer } = await withNode(page, name, behind);
    await behind.stop();
    await eventually("it is noticed", async () => (await peer.events()).some(({ type }) => type === "peer-down"));
    await peer.put("/a", "a", MIB);
    const committed = peer.commit();
    assert.equal(await Promise.race([committed, new Promise((resolve) => setTimeout(resolve, 500, "waits"))]), "waits");
    await behind.again();
    assert.equal((await committed).copies.durable, 1);
  },
};

/** What only Chromium does on demand. */
export const chromium = {
  async b02_a_peer_whose_data_is_cleared_while_it_runs_goes_on_with_its_nodes({ start, origin, name, node }) {
    const own = await start();
    const page = await own.page(origin);
    const { peer, seed } = await withNode(page, name, await node());
    await peer.put("/a", "a", 3 * MIB);
    await peer.commit();
    const devtools = await own.context.newCDPSession(page.page);
    const tabs = async (path) => (await peer.whereabouts(path)).holders.filter(({ kind }) => kind === "tab").length;
    await eventually("the node knows that this tab has it", async () => (await tabs("/a")) === 1);
    await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    await peer.put("/b", "b", MIB);
    assert.equal((await peer.commit()).copies.durable, 1);
    assert.ok((await peer.events()).some(({ type }) => type === "evicted"));
    await eventually("the node knows that it is gone", async () => (await tabs("/a")) === 0);
    assert.equal((await peer.read("/a")).hash, await peer.hashOf("a", 3 * MIB));
    await page.reload();
    await peer.open(name, seed, { fence: 3 });
    assert.deepEqual((await peer.list("/")).map(({ name }) => name), ["a", "b"]);
  },

  async d06_a_peer_that_reaches_its_quota_keeps_less_and_what_it_puts_is_safe_all_the_same({ start, origin, name, node }) {
    const own = await start();
    const page = await own.page(origin);
    // Chromium enforces this and promises more.
    await own.cap(page, origin, 24 * MIB);
    const { peer } = await withNode(page, name, await node());
    await fill(peer, 24 * MIB);
  },
};

/** Puts more than a browser has room for, and reads it back. */
async function fill(peer, room) {
  let most = 0;
  const rounds = 8;
  const size = 5 * MIB;
  for (let round = 0; round < rounds; round++) {
    await peer.put(`/${round}`, `${round}`, size);
    assert.equal((await peer.commit()).copies.durable, 1);
    most = Math.max(most, (await peer.storage()).mine);
  }
  assert.ok(most > 0.3 * room && most <= room, `${most / MIB} MiB`);
  const events = (await peer.events()).map(({ type }) => type);
  assert.ok(events.includes("storage-full") && events.includes("evicted"), `${[...new Set(events)]}`);
  for (let round = 0; round < rounds; round++) assert.equal((await peer.read(`/${round}`)).hash, await peer.hashOf(`${round}`, size));
}
