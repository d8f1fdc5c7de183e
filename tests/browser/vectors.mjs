// The vectors of core/docs/vectors, read by the module in a browser, and by another implementation, in JavaScript, of what core/docs says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { blake3 } from "@noble/hashes/blake3.js";
import { entropyToMnemonic } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";

import { cuts, decompress } from "./reader/chunks.mjs";
import { deriveKey, hash, keyedHash, open, seal } from "./reader/ciphers.mjs";
import { encode } from "./reader/messagepack.mjs";
import { PROLOGUE, Side, SUITE } from "./reader/noise.mjs";
import { cost, order } from "./reader/placement.mjs";
import { epochs, identity, invitation, link, openHead, openSeed, record } from "./reader/records.mjs";
import { Pack } from "./reader/tree.mjs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../core/docs/vectors/${name}.json`, import.meta.url), "utf8"));
const padded = (hex, length) => hex + "00".repeat(length - hex.length / 2);
const bytes = (hex) => Buffer.from(hex, "hex");
const hex = (bytes) => bytes.toString("hex");
/** A value with its bytes in hexadecimal. */
const shown = (value) => {
  if (Buffer.isBuffer(value)) return hex(value);
  if (Array.isArray(value)) return value.map(shown);
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, value]) => [key, shown(value)])) : value;
};

export const tests = {
  async blocks_are_sealed_and_opened_as_the_vectors_say({ page }) {
    const { seal, sealed, rejected } = vectors("blocks");
    assert.ok(sealed.length >= 3 && rejected.length >= 4);
    for (const { name, content, pack_len, ...expected } of sealed) {
      const pack = padded(content, pack_len);
      assert.deepEqual(await page.call("v", "seal", seal, pack), expected, name);
      assert.equal(await page.call("v", "unseal", expected), pack, name);
    }
    for (const { name, error, ...block } of rejected) {
      await assert.rejects(page.call("v", "unseal", block), (thrown) => thrown.message.includes(error), name);
    }
  },

  /** In a browser ChaCha20 is our own. */
  async a_cipher_with_vectors_says_what_the_plain_one_says({ page }) {
    for (const seed of ["one", "two", "three"]) assert.ok((await page.call("v", "compareCiphers", seed)) > 700);
  },

  async chunks_are_cut_named_and_unpacked_as_the_vectors_say({ page }) {
    const { chunk_key, cuts, ids, lz4 } = vectors("chunks");
    assert.ok(cuts.length >= 7 && ids.length >= 3 && lz4.length >= 1);
    for (const { name, len, xof, byte, cuts: expected } of cuts) {
      for (const step of [65_536, 1_000_003]) assert.deepEqual(await page.call("v", "cuts", { len, xof, byte }, step), expected, name);
    }
    for (const { content, id } of ids) assert.equal(await page.call("v", "chunkId", chunk_key, content), id);
    for (const { len, content, stored } of lz4) assert.equal(await page.call("v", "unpack", stored, len), content);
  },
};

/** What needs no browser is read once. */
export const chromium = {
  async blocks_are_what_other_ciphers_make_of_them() {
    const { seal: secret, sealed, rejected } = vectors("blocks");
    for (const { name, content, pack_len, suite, key, id, block } of sealed) {
      const data = Buffer.concat([Buffer.from("cachette block"), Buffer.alloc(49), Buffer.of(suite)]);
      const pack = bytes(padded(content, pack_len));
      assert.equal(hex(keyedHash(bytes(secret), Buffer.concat([Buffer.of(data.length), data, pack]))), key, name);
      assert.equal(hex(seal(bytes(key), Buffer.alloc(12), data, pack)), block, name);
      assert.equal(hex(hash(bytes(block))), id, name);
    }
    const data = Buffer.concat([Buffer.from("cachette block"), Buffer.alloc(49), Buffer.of(1)]);
    for (const { name, suite, key, id, block } of rejected) {
      const opened = () => open(bytes(key), Buffer.alloc(12), data, bytes(block));
      if (suite === 1 && hex(hash(bytes(block))) === id) assert.throws(opened, name);
    }
  },

  async chunks_are_cut_named_and_unpacked_by_another_implementation() {
    const { chunk_key, cuts: files, ids, lz4 } = vectors("chunks");
    const noise = (name, length) => Buffer.from(blake3.create().update(Buffer.from(name)).xof(length));
    for (const { name, len, xof, byte, cuts: expected } of files) {
      assert.deepEqual(cuts(xof === undefined ? Buffer.alloc(len, byte) : noise(xof, len)), expected, name);
    }
    for (const { content, id } of ids) assert.equal(hex(keyedHash(bytes(chunk_key), bytes(content))), id);
    for (const { len, content, stored } of lz4) assert.equal(hex(decompress(bytes(stored), len)), content);
  },

  async keys_and_what_they_seal_are_found_and_opened_by_another_implementation() {
    const { devices, phrase, vault, password, invitation: invited } = vectors("keys");
    assert.ok(devices.length >= 2 && vault.certificates.length >= 2 && vault.epochs.length >= 2 && vault.heads.length >= 2);
    for (const { seed, peer, agree } of devices) {
      const device = identity(bytes(seed));
      assert.deepEqual([hex(device.peer), hex(device.agree)], [peer, agree]);
    }
    assert.equal(entropyToMnemonic(bytes(phrase.seed), wordlist), phrase.words);
    for (const { seed } of devices) {
      const opened = epochs(vault.certificates.map(bytes), identity(bytes(seed)));
      assert.equal(hex(opened.vault), vault.id);
      assert.deepEqual(opened.secrets.map(hex), vault.epochs.map(({ secret }) => secret));
      const sealing = opened.secrets.map((secret) => hex(deriveKey("cachette 2026-11 epoch seal", secret)));
      assert.deepEqual(sealing, vault.epochs.map(({ seal_key }) => seal_key));
      assert.equal(hex(deriveKey("cachette 2026-11 chunk", opened.secrets[0])), vault.chunk_key);
      for (const [epoch, { bytes: head, content }] of vault.heads.entries()) {
        assert.equal(hex(openHead(bytes(head), opened.secrets[epoch])), content);
      }
    }
    assert.equal(hex(openSeed(bytes(password.file), password.password)), password.seed);
    assert.deepEqual({ ...shown(invitation(invited.text)), text: invited.text }, invited);
  },

  async records_are_read_and_refused_by_another_implementation() {
    const { valid, invalid } = vectors("records");
    assert.ok(valid.length >= 6 && invalid.length >= 12);
    for (const { name, bytes: encoded, id, vault } of valid) {
      const read = record(bytes(encoded));
      assert.deepEqual([hex(read.id), hex(read.vault)], [id, vault], name);
    }
    for (const { name, bytes: encoded, error } of invalid) assert.throws(() => record(bytes(encoded)), { message: error }, name);
  },

  async a_tree_is_walked_and_refused_by_another_implementation() {
    const { vaults, rejected_as_a_folder } = vectors("tree");
    assert.ok(vaults.length >= 1 && rejected_as_a_folder.length >= 12);
    for (const { pack: content, snapshot, root, dir, chunks_of_dir_file, chunks_of_long } of vaults) {
      const pack = new Pack(bytes(content));
      const { root: top, ...found } = shown(pack.snapshot(snapshot));
      assert.deepEqual({ ...found, offset: snapshot.offset, stored: snapshot.stored }, snapshot);
      const below = (entries, wanted) => entries.find(({ name }) => name === wanted);
      const listed = (entries) => shown(entries).map(({ name, meta, what, [what]: value }) => ({ name, meta, what: { [what]: value } }));
      const entries = pack.list(pack.snapshot(snapshot).root);
      assert.deepEqual(listed(entries), root);
      const inside = pack.list(below(entries, "dir").pages);
      assert.deepEqual(listed(inside), dir);
      assert.deepEqual(shown(pack.chunks(below(inside, "file"))), chunks_of_dir_file);
      assert.deepEqual(shown(pack.chunks(below(entries, "long"))), chunks_of_long);
    }
    for (const { name, object, error } of rejected_as_a_folder) {
      const pack = new Pack(bytes(object));
      assert.throws(() => pack.list({ offset: 0, stored: pack.bytes.length }), { message: error }, name);
    }
  },

  async carriers_are_ordered_alike_by_another_implementation() {
    const { vault, costs, cases } = vectors("placement");
    assert.ok(costs.length >= 8 && cases.length >= 4);
    for (const { draw, cost: expected } of costs) assert.equal(`${cost(BigInt(draw))}`, expected, draw);
    for (const { name, carriers, orders } of cases) {
      for (const { partition, order: expected } of orders) assert.deepEqual(order(bytes(vault), partition, carriers), expected, name);
    }
  },

  async a_link_says_the_same_in_another_implementation() {
    const { suite, prologue, now, expected, dialler, listener, handshake, dialler_says, listener_says } = vectors("link");
    assert.deepEqual([suite, prologue], [SUITE, hex(PROLOGUE)]);
    const side = ({ seed, entropy }, more) => ({ seed: bytes(seed), entropy: bytes(entropy), now, ...more });
    const [near, far] = [Side.dialler(side(dialler, { expected: bytes(expected) })), Side.listener(side(listener))];
    const first = near.first();
    const second = far.second(first);
    const third = near.third(second);
    far.last(third);
    assert.deepEqual([first, second, third].map(hex), handshake);
    assert.deepEqual([hex(near.peer), hex(far.peer)], [listener.peer, dialler.peer]);
    // Kinds of frames: 2 is the last piece of a header, 4 the same in the other lane, 5 a piece of a block.
    assert.deepEqual([hex(near.frame(2, encode([1, 1])))], dialler_says.ping_1);
    assert.deepEqual([hex(far.frame(2, encode([2, 1])))], listener_says.pong_1);
    const { vault, id, blake3_of_socket_messages } = dialler_says.block_of_4096_zeros;
    const block = Buffer.alloc(4096);
    assert.equal(hex(hash(block)), id);
    const said = Buffer.concat([near.frame(4, encode([61, [bytes(vault), bytes(id), 12]])), near.frame(5, block)]);
    assert.deepEqual([hex(hash(said))], blake3_of_socket_messages);
  },

  async links_to_what_is_shared_are_read_and_refused_by_another_implementation() {
    const { valid, invalid } = vectors("share_link");
    assert.ok(valid.length >= 2 && invalid.length >= 6);
    for (const { name, text, url, ...expected } of valid) {
      for (const pasted of [text, url]) assert.deepEqual(shown(link(pasted)), expected, name);
    }
    for (const { name, text, error } of invalid) assert.throws(() => link(text), { message: error }, name);
  },
};
