// Tabs and nodes together: restoring from words, tabs that read from one another through a node, and servers that mean harm.

import assert from "node:assert/strict";

import { at, eventually, failsWith } from "./peer.mjs";
import { HUGE, Proxy } from "./proxy.mjs";

const MIB = 1 << 20;

export const tests = {
  async a_vault_is_brought_back_from_its_words_in_another_browser({ page, name, node, origin, someone }) {
    const nodes = [await node(), await node()];
    const first = at(page);
    const { seed, words } = await first.found(name);
    await first.open(name, seed);
    for (const node of nodes) await first.join(await node.invitation());
    await first.put("/a", "a", 3 * MIB);
    await first.commit();

    const browser = await someone();
    const second = at(await browser.page(origin));
    const addresses = nodes.map(({ address }) => address);
    const found = await second.restore("mine", words, addresses);
    assert.deepEqual([found.reached, found.of], [2, 2]);
    const opened = await second.open("mine", found.seed);
    assert.equal(opened.vault, found.vault);
    await second.refresh();
    assert.equal((await second.read("/a")).hash, await second.hashOf("a", 3 * MIB));
    await second.put("/b", "b", MIB);
    await second.commit();
    await first.refresh();
    assert.deepEqual((await first.list("/")).map(({ name }) => name), ["a", "b"]);
    assert.equal((await first.read("/b")).hash, await first.hashOf("b", MIB));
    assert.ok((await first.events()).some(({ type }) => type === "changed"));

    const other = await second.words("00".repeat(32));
    await assert.rejects(second.restore("not mine", other, addresses), failsWith("not-found"));
    await assert.rejects(second.restore("not mine", words, ["wss://host"]), failsWith("unreachable"));
    for (const node of nodes) await node.stop();
    await assert.rejects(second.restore("not mine", words, addresses), failsWith("unreachable"));
    await assert.rejects(second.restore("mine", words, addresses, 3), failsWith("unreachable"));
  },

  async what_every_node_lost_is_read_from_a_tab_through_one_of_them({ page, name, node, origin, someone }) {
    const nodes = [await node(), await node()];
    const first = at(page);
    const { seed, words } = await first.found(name);
    const { peer } = await first.open(name, seed);
    for (const node of nodes) await first.join(await node.invitation());
    const size = 6 * MIB;
    await first.put("/film", "film", size);
    await first.commit();
    const wanted = (blocks) => JSON.stringify([["node", blocks], ["node", blocks], ["tab", blocks]]);
    await eventually("both nodes and this tab are known to hold it", async () => {
      const { blocks, bytes, holders } = await first.whereabouts("/film");
      assert.ok(Math.abs(bytes - size) < 64);
      const found = JSON.stringify(holders.map((holder) => [holder.kind, holder.blocks]).sort());
      return found === wanted(blocks) || found;
    });

    const browser = await someone();
    const second = at(await browser.page(origin));
    const found = await second.restore("mine", words, nodes.map(({ address }) => address));
    await second.open("mine", found.seed);
    await second.refresh();
    // A tab speaks with members only, and learns here that there is a new one.
    await first.refresh();
    for (const node of nodes) {
      await node.stop();
      assert.ok((await node.lose(MIB)) >= 5);
      await node.again();
    }
    const linked = async (tab) => (await tab.peers()).filter(({ kind, state }) => kind === "node" && state === "up").length === 2;
    await eventually("both tabs are linked to both nodes again", async () => (await linked(first)) && (await linked(second)));
    assert.equal((await second.read("/film")).hash, await second.hashOf("film", size));
    const through = (await second.peers()).find(({ kind }) => kind === "tab");
    assert.equal(through.peer, peer);
    assert.equal(through.path, "relayed");
    assert.ok(through.received > 5 * MIB, `${through.received}`);
    // The reader gives the nodes back what they lost.
    await eventually("both nodes hold all of it again", async () => {
      const { blocks, holders } = await second.whereabouts("/film");
      return holders.filter((holder) => holder.kind === "node" && holder.blocks === blocks).length === 2;
    });
  },

  async keeping_a_file_and_fewer_copies_are_what_they_say({ page, name, node, origin, someone }) {
    const nodes = [await node(), await node()];
    const first = at(page);
    const { seed, words } = await first.found(name);
    await first.open(name, seed);
    for (const node of nodes) await first.join(await node.invitation());
    await first.put("/a", "a", 5 * MIB);
    await first.commit();
    const browser = await someone();
    const second = at(await browser.page(origin));
    const found = await second.restore("mine", words, [nodes[0].address]);
    const { peer } = await second.open("mine", found.seed);
    await second.refresh();
    const progress = await second.keep("/a");
    assert.equal(progress.at(-1), 5 * MIB);
    await eventually("it is known to hold the file", async () => {
      const { blocks, holders } = await first.whereabouts("/a");
      return holders.some((holder) => holder.peer === peer && holder.blocks === blocks);
    });
    await second.setReplicas(1);
    await second.put("/b", "b", 5 * MIB);
    assert.deepEqual((await second.commit()).copies, { durable: 1, safeAt: 1, wanted: 1 });
  },

  async a_call_that_comes_to_nothing_says_why({ page, name, node, origin, own }) {
    const proxy = own(await Proxy.start());
    proxy.origin = "https://photos.example";
    const strict = await node("--public-address", proxy.address);
    proxy.to(strict.listen);
    const elsewhere = await node("--public-address", origin.replace("http", "ws"));
    const gone = await node();
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed);
    const invitations = await Promise.all([strict, elsewhere, gone].map((node) => node.invitation()));
    await gone.stop();
    await assert.rejects(peer.join(invitations[0]), /\[refused\].*pages of this site are not let in/);
    await assert.rejects(peer.join(invitations[1]), /not a Cachette node/);
    await assert.rejects(peer.join(invitations[2]), /host not found or unreachable/);
    proxy.origin = undefined;
    await peer.join(invitations[0]);
  },

  async b15_a_server_that_floods_loses_its_link_and_the_tab_goes_on({ page, name, node, own }) {
    const proxy = own(await Proxy.start());
    const behind = await node("--public-address", proxy.address);
    proxy.to(behind.listen);
    const peer = at(page);
    const { seed } = await peer.found(name);
    await peer.open(name, seed);
    await peer.join(await behind.invitation());
    await peer.put("/a", "a", MIB);
    await peer.commit();
    for (const harm of ["text", "noise", "huge"]) {
      await peer.events();
      await proxy.inject(harm);
      await eventually(`the link is closed after ${harm}`, () => proxy.closed());
      await peer.put(`/${harm}`, harm, MIB);
      assert.equal((await peer.commit()).copies.durable, 1, harm);
    }
    const memory = await peer.memory();
    assert.ok(memory < HUGE, `the module took the message in: ${memory / MIB} MiB`);
    assert.equal((await peer.read("/huge")).hash, await peer.hashOf("huge", MIB));
  },
};
