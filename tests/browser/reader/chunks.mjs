// Where a file is cut, and how a chunk is compressed, as core/docs/format.md describes it.

import { createHash } from "node:crypto";

const [CHUNK_MIN, CHUNK_AVERAGE, CHUNK_MAX] = [65_536, 262_144, (1 << 20) - 16];
/** The masks of FastCDC, before the average length and behind it, and its table: the beginning of MD5 over 64 times the same byte. */
const [HARD, EASY] = [halves(0x0000d91707537000n), halves(0x0000d90703537000n)];
const GEAR = Array.from({ length: 256 }, (_, byte) =>
  halves(createHash("md5").update(Buffer.alloc(64, byte)).digest().readBigUInt64BE()),
);
const GEAR_HIGH = Uint32Array.from(GEAR, ({ high }) => high);
const GEAR_LOW = Uint32Array.from(GEAR, ({ low }) => low);

/** Returns the lengths of a file's chunks. */
export function cuts(content) {
  const lengths = [];
  for (let start = 0; start < content.length; start += lengths.at(-1)) {
    lengths.push(firstCut(content.subarray(start, start + CHUNK_MAX)));
  }
  return lengths;
}

function firstCut(content) {
  let high = 0;
  let low = 0;
  for (let at = CHUNK_MIN; at < content.length; at++) {
    const byte = content[at];
    const sum = ((low << 1) >>> 0) + GEAR_LOW[byte];
    high = (((high << 1) | (low >>> 31)) + GEAR_HIGH[byte] + (sum > 0xffffffff ? 1 : 0)) | 0;
    low = sum | 0;
    const mask = at < CHUNK_AVERAGE ? HARD : EASY;
    if ((high & mask.high) === 0 && (low & mask.low) === 0) return at;
  }
  return content.length;
}

function halves(number) {
  return { high: Number(number >> 32n), low: Number(number & 0xffffffffn) };
}

/** Unpacks an LZ4 block. */
export function decompress(stored, length) {
  const content = Buffer.alloc(length);
  let [at, end] = [0, 0];
  const extended = (short) => {
    let total = short;
    for (let more = short === 15 ? 255 : 0; more === 255; total += more) more = stored[at++];
    return total;
  };
  while (at < stored.length) {
    const token = stored[at++];
    const literals = extended(token >> 4);
    end += stored.copy(content, end, at, at + literals);
    at += literals;
    if (at >= stored.length) break;
    const distance = stored.readUInt16LE(at);
    at += 2;
    // A match may reach into itself.
    for (let left = 4 + extended(token & 15); left > 0; left--, end++) content[end] = content[end - distance];
  }
  if (end !== length) throw new Error("the chunk has another length");
  return content;
}
