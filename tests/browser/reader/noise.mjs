// One side of a link: Noise_XX_25519_ChaChaPoly_BLAKE2s, proofs and frames, as core/docs/protocol.md describes them.

import crypto from "node:crypto";

import { agree, deriveKey, open, publicOf, seal, sign, verifies } from "./ciphers.mjs";
import { decode, encode } from "./messagepack.mjs";
import { identity } from "./records.mjs";

export const SUITE = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
export const PROLOGUE = Buffer.from("cachette link prologue\x01");
const NONE = Buffer.alloc(0);
const [DIALLER, LISTENER] = [0, 1];

const blake2s = (...parts) => crypto.createHash("blake2s256").update(Buffer.concat(parts)).digest();
const hmac = (key, ...parts) => crypto.createHmac("blake2s256", key).update(Buffer.concat(parts)).digest();

/** A side whose keys come from a seed, entropy and circumstances. */
export class Side {
  #chain;
  #hash;
  #key;
  #nonce = 0;

  constructor(role, { seed, entropy, now, expected = Buffer.alloc(32) }) {
    this.role = role;
    this.device = identity(seed);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(now));
    const circumstances = [this.device.agreement, entropy, Buffer.of(role), time, expected];
    this.fixed = deriveKey("cachette 2026-11 link static", ...circumstances);
    this.ephemeral = deriveKey("cachette 2026-11 link ephemeral", ...circumstances);
    // The name is longer than a hash, so it is hashed.
    this.#chain = this.#hash = blake2s(Buffer.from(SUITE));
    this.#mixHash(PROLOGUE);
  }

  static dialler(circumstances) {
    return new Side(DIALLER, circumstances);
  }

  static listener(circumstances) {
    return new Side(LISTENER, circumstances);
  }

  /** Writes message 1 as the dialler. */
  first() {
    const key = publicOf("x25519", this.ephemeral);
    this.#mixHash(key);
    this.#mixHash(NONE);
    return key;
  }

  /** Reads message 1 and writes message 2 as the listener. */
  second(message) {
    this.theirs = message;
    this.#mixHash(message);
    this.#mixHash(NONE);
    const before = this.#hash;
    const key = publicOf("x25519", this.ephemeral);
    this.#mixHash(key);
    this.#mixKey(agree(this.ephemeral, this.theirs));
    const fixed = this.#encrypt(publicOf("x25519", this.fixed));
    this.#mixKey(agree(this.fixed, this.theirs));
    return Buffer.concat([key, fixed, this.#encrypt(this.#prove(before))]);
  }

  /** Reads message 2 and writes message 3 as the dialler. */
  third(message) {
    const proven = this.#hash;
    this.theirs = message.subarray(0, 32);
    this.#mixHash(this.theirs);
    this.#mixKey(agree(this.ephemeral, this.theirs));
    const fixed = this.#decrypt(message.subarray(32, 80));
    this.#mixKey(agree(this.ephemeral, fixed));
    this.#verify(fixed, proven, this.#decrypt(message.subarray(80)));
    const before = this.#hash;
    const own = this.#encrypt(publicOf("x25519", this.fixed));
    this.#mixKey(agree(this.fixed, this.theirs));
    const proof = this.#encrypt(this.#prove(before));
    this.#split();
    return Buffer.concat([own, proof]);
  }

  /** Reads message 3 as the listener. */
  last(message) {
    const proven = this.#hash;
    const fixed = this.#decrypt(message.subarray(0, 48));
    this.#mixKey(agree(this.ephemeral, fixed));
    this.#verify(fixed, proven, this.#decrypt(message.subarray(48)));
    this.#split();
  }

  /** Seals a frame. */
  frame(kind, content) {
    const sealed = seal(this.sending.key, nonce(this.sending.count++), NONE, Buffer.concat([content, Buffer.of(kind)]));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(sealed.length);
    return Buffer.concat([length, sealed]);
  }

  #prove(hash) {
    const signed = Buffer.concat([Buffer.of(this.role), publicOf("x25519", this.fixed), hash]);
    return encode([this.device.peer, sign(this.device.signing, Buffer.from("cachette link"), signed), [1]]);
  }

  #verify(fixed, hash, proof) {
    const [peer, signature] = decode(proof);
    const signed = Buffer.concat([Buffer.of(1 - this.role), fixed, hash]);
    if (!verifies(peer, signature, Buffer.from("cachette link"), signed)) throw new Error("the proof does not hold");
    this.peer = peer;
  }

  #split() {
    const [first, second] = hkdf(this.#chain, NONE).map((key) => ({ key, count: 0 }));
    this.sending = this.role === DIALLER ? first : second;
  }

  #mixHash(bytes) {
    this.#hash = blake2s(this.#hash, bytes);
  }

  #mixKey(shared) {
    [this.#chain, this.#key] = hkdf(this.#chain, shared);
    this.#nonce = 0;
  }

  #encrypt(plaintext) {
    const sealed = seal(this.#key, nonce(this.#nonce++), this.#hash, plaintext);
    this.#mixHash(sealed);
    return sealed;
  }

  #decrypt(sealed) {
    const plaintext = open(this.#key, nonce(this.#nonce++), this.#hash, sealed);
    this.#mixHash(sealed);
    return plaintext;
  }
}

function hkdf(chain, material) {
  const key = hmac(chain, material);
  const first = hmac(key, Buffer.of(1));
  return [first, hmac(key, first, Buffer.of(2))];
}

function nonce(count) {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(count, 4);
  return bytes;
}
