// A film made by hand: one picture shown for a minute, as WebM with an index, and as heavy as a test wants it.

import { randomFillSync } from "node:crypto";

/** A key frame in VP8, 160 × 90: a white square on blue. */
const FRAME = Buffer.from(
  "0AYAnQEqoABaAAqHCIWFiJmEiDgCDf8/hjM/hiU0q46zSTZNl6lcTQ3xwPS46x3fxX8A2X8h0p2m7BQSRElLYP7hCcJuw7pavclf7ZChdlx8wcnTShQ+lMsI2ALG5vd2qQQA",
  "base64",
);
const FRAMES_A_SECOND = 10;

/** Returns a film of so many seconds, each of which is padded with noise to so many bytes. */
export function film(seconds, bytesASecond) {
  return Buffer.concat([...reel(seconds, bytesASecond)]);
}

/** Gives the same piece by piece, for films that fit no memory. */
export function* reel(seconds, bytesASecond) {
  const info = element(0x1549a966, [
    element(0x2ad7b1, number(1_000_000)),
    element(0x4489, float(seconds * 1000)),
    element(0x4d80, Buffer.from("cachette")),
    element(0x5741, Buffer.from("cachette")),
  ]);
  const picture = element(0xe0, [element(0xb0, number(160)), element(0xba, number(90))]);
  const track = [
    element(0xd7, number(1)),
    element(0x73c5, number(1)),
    element(0x83, number(1)),
    element(0x86, Buffer.from("V_VP8")),
    picture,
  ];
  const tracks = element(0x1654ae6b, element(0xae, track));
  // Positions count from the segment's first byte; the index has the same size whatever it points to.
  const head = (cues) =>
    element(0x114d9b74, element(0x4dbb, [element(0x53ab, Buffer.from([0x1c, 0x53, 0xbb, 0x6b])), element(0x53ac, number(cues, 8))]));
  const cuesAt = head(0).length + info.length + tracks.length;
  const lengths = Array.from({ length: seconds }, (_, second) => cluster(second, 0).length + bytesASecond);
  const index = (first) => {
    let at = first;
    const points = lengths.map((length, second) => {
      const place = element(0xb7, [element(0xf7, number(1)), element(0xf1, number(at, 8))]);
      at += length;
      return element(0xbb, [element(0xb3, number(second * 1000, 8)), place]);
    });
    return element(0x1c53bb6b, points);
  };
  const cues = index(cuesAt + index(0).length);
  const ebml = element(0x1a45dfa3, [
    element(0x4286, number(1)),
    element(0x42f7, number(1)),
    element(0x42f2, number(4)),
    element(0x42f3, number(8)),
    element(0x4282, Buffer.from("webm")),
    element(0x4287, number(2)),
    element(0x4285, number(2)),
  ]);
  const segment = [head(cuesAt), info, tracks, cues];
  const length = [...segment.map((part) => part.length), ...lengths].reduce((sum, more) => sum + more);
  yield* [ebml, heading(0x18538067, length), ...segment];
  for (let second = 0; second < seconds; second++) yield cluster(second, bytesASecond);
}

function cluster(second, weight) {
  const blocks = Array.from({ length: FRAMES_A_SECOND }, (_, frame) => {
    const time = Buffer.alloc(2);
    time.writeInt16BE((frame * 1000) / FRAMES_A_SECOND);
    return element(0xa3, [Buffer.from([0x81]), time, Buffer.from([0x80]), FRAME]);
  });
  return element(0x1f43b675, [element(0xe7, number(second * 1000)), ...blocks, element(0xec, randomFillSync(Buffer.alloc(weight)))]);
}

/** An EBML element: its id, the length of its body in 8 bytes, its body. */
function element(id, body) {
  const bytes = Array.isArray(body) ? Buffer.concat(body) : body;
  return Buffer.concat([heading(id, bytes.length), bytes]);
}

function heading(id, bytes) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes) | (1n << 56n));
  return Buffer.concat([number(id), length]);
}

function number(value, width = Math.max(1, Math.ceil(value.toString(16).length / 2))) {
  return Buffer.from(value.toString(16).padStart(2 * width, "0"), "hex");
}

function float(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}
