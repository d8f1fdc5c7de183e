// The vectors of bytes at rest, read by JavaScript and compared with what the module in a browser makes of them.

import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../core/docs/vectors/${name}.json`, import.meta.url), "utf8"));
const padded = (hex, length) => hex + "00".repeat(length - hex.length / 2);

export const tests = {
  async blocks_are_sealed_and_opened_as_the_vectors_say({ page }) {
    const { seal, sealed, rejected } = vectors("blocks");
    assert.ok(sealed.length >= 3 && rejected.length >= 4);
    for (const { name, content, pack_len, ...expected } of sealed) {
      const pack = padded(content, pack_len);
      assert.deepEqual(await page.call("v", "seal", seal, pack), expected, name);
      assert.equal(await page.call("v", "unseal", expected), pack, name);
      assert.equal(openedByNode(expected), pack, name);
    }
    for (const { name, error, ...block } of rejected) {
      await assert.rejects(page.call("v", "unseal", block), (thrown) => thrown.message.includes(error), name);
    }
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

/** Opens a block with another implementation of the cipher, and nothing of this project. */
function openedByNode({ suite, key, block }) {
  const bytes = Buffer.from(block, "hex");
  const cipher = createDecipheriv("chacha20-poly1305", Buffer.from(key, "hex"), Buffer.alloc(12), { authTagLength: 16 });
  const data = Buffer.alloc(64);
  data.write("cachette block");
  data[63] = suite;
  cipher.setAAD(data, { plaintextLength: bytes.length - 16 });
  cipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([cipher.update(bytes.subarray(0, -16)), cipher.final()]).toString("hex");
}
