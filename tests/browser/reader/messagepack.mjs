// MessagePack as Cachette uses it: arrays, numbers, bytes, text, nil, yes and no, each in its one shortest spelling.

const DEPTH = 16;

/** Decodes a value that fills `bytes`; anything but its canonical encoding is an error. */
export function decode(bytes) {
  const { value, end } = read(bytes, 0);
  if (end < bytes.length) throw new Error("bytes follow the encoded value");
  if (!encode(value).equals(bytes)) throw new Error("the encoding is not canonical");
  return value;
}

/** Reads the value that begins at a byte, in whatever spelling. Bytes become buffers, numbers beyond 2^53 bigints. */
export function read(bytes, start, depth = 0) {
  let at = start;
  const take = (length) => {
    if (at + length > bytes.length) throw new Error("the encoding is cut short");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const unsigned = (width) => small(BigInt(`0x${take(width).toString("hex")}`));
  const signed = (width) => small(BigInt.asIntN(8 * width, BigInt(`0x${take(width).toString("hex")}`)));
  const list = (length) => {
    if (length > bytes.length - at) throw new Error("the encoding is cut short");
    if (length > 0 && depth === DEPTH) throw new Error("the encoding nests too deep");
    return Array.from({ length }, () => {
      const item = read(bytes, at, depth + 1);
      at = item.end;
      return item.value;
    });
  };
  const value = () => {
    const [marker] = take(1);
    if (marker <= 0x7f) return marker;
    if (marker >= 0xe0) return marker - 256;
    if (marker >= 0xa0 && marker <= 0xbf) return text(take(marker & 0x1f));
    if (marker >= 0x90 && marker <= 0x9f) return list(marker & 0x0f);
    if (marker === 0xc0) return null;
    if (marker === 0xc2 || marker === 0xc3) return marker === 0xc3;
    if (marker >= 0xc4 && marker <= 0xc6) return take(unsigned(1 << (marker - 0xc4)));
    if (marker >= 0xcc && marker <= 0xcf) return unsigned(1 << (marker - 0xcc));
    if (marker >= 0xd0 && marker <= 0xd3) return signed(1 << (marker - 0xd0));
    if (marker >= 0xd9 && marker <= 0xdb) return text(take(unsigned(1 << (marker - 0xd9))));
    if (marker === 0xdc || marker === 0xdd) return list(unsigned(marker === 0xdc ? 2 : 4));
    throw new Error(`the encoding holds a kind of value that is not used here (${marker})`);
  };
  const found = value();
  return { value: found, end: at };
}

/** Encodes a value in its one spelling. */
export function encode(value) {
  if (value === null) return Buffer.of(0xc0);
  if (typeof value === "boolean") return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === "number" || typeof value === "bigint") return encodeNumber(BigInt(value));
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    const head = bytes.length < 32 ? Buffer.of(0xa0 | bytes.length) : sized(bytes.length, { 1: 0xd9, 2: 0xda, 4: 0xdb });
    return Buffer.concat([head, bytes]);
  }
  if (Array.isArray(value)) {
    const head = value.length < 16 ? Buffer.of(0x90 | value.length) : sized(value.length, { 2: 0xdc, 4: 0xdd });
    return Buffer.concat([head, ...value.map(encode)]);
  }
  return Buffer.concat([sized(value.length, { 1: 0xc4, 2: 0xc5, 4: 0xc6 }), value]);
}

function encodeNumber(value) {
  if (value >= 0n) return value < 128n ? Buffer.of(Number(value)) : sized(value, { 1: 0xcc, 2: 0xcd, 4: 0xce, 8: 0xcf });
  if (value >= -32n) return Buffer.of(Number(value + 256n));
  const width = [1, 2, 4, 8].find((width) => BigInt.asIntN(8 * width, value) === value);
  return Buffer.concat([Buffer.of({ 1: 0xd0, 2: 0xd1, 4: 0xd2, 8: 0xd3 }[width]), big(BigInt.asUintN(8 * width, value), width)]);
}

/** A marker, by how many bytes the number behind it takes. */
function sized(value, markers) {
  const width = Object.keys(markers).map(Number).find((width) => BigInt(value) < 1n << BigInt(8 * width));
  return Buffer.concat([Buffer.of(markers[width]), big(BigInt(value), width)]);
}

const big = (value, width) => Buffer.from(value.toString(16).padStart(2 * width, "0"), "hex");
const small = (value) => (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value);
const text = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
