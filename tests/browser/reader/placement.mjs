// Which carriers hold a partition, as core/docs/protocol-node.md describes it.

import { deriveKey } from "./ciphers.mjs";

const PLACES = 32n;

/** Orders carriers for a partition; returns their indices. */
export function order(vault, partition, carriers) {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(partition);
  const candidates = carriers.map(({ peer, weight, zone, draining }, index) => {
    const draw = deriveKey("cachette 2026-11 placement", vault, number, Buffer.from(peer, "hex")).readBigUInt64LE();
    return { index, peer, zone, weight: BigInt(weight || 1), cost: cost(draw), last: draining || weight === 0 };
  });
  const compare = (a, b) => {
    const [left, right] = [a.cost * b.weight, b.cost * a.weight];
    return left < right || (left === right && a.peer < b.peer) ? -1 : 1;
  };
  const ranked = [false, true].flatMap((last) => {
    const seen = {};
    const sorted = candidates.filter((candidate) => candidate.last === last).sort(compare);
    const ranks = sorted.map(({ zone }) => (seen[zone] = (seen[zone] ?? -1) + 1));
    const order = sorted.map((candidate, at) => ({ candidate, rank: ranks[at] }));
    return order.sort((a, b) => a.rank - b.rank).map(({ candidate }) => candidate);
  });
  return ranked.map(({ index }) => index);
}

/** `-log2((draw + 1) / 2^64)` with 32 binary places. */
export function cost(draw) {
  const number = draw + 1n;
  const whole = BigInt(number.toString(2).length - 1);
  let mantissa = (number << 63n) >> whole;
  let log = whole << PLACES;
  for (let place = PLACES - 1n; place >= 0n; place--) {
    mantissa = (mantissa * mantissa) >> 63n;
    if (mantissa >> 64n) {
      mantissa >>= 1n;
      log |= 1n << place;
    }
  }
  return (64n << PLACES) - log;
}
