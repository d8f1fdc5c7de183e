// The ciphers, hashes and signatures of suite 1, by implementations that Cachette does not use.

import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { blake3 } from "@noble/hashes/blake3.js";
import crypto from "node:crypto";

export const hash = (bytes) => Buffer.from(blake3(bytes));
export const keyedHash = (key, bytes, length = 32) => Buffer.from(blake3(bytes, { key, dkLen: length }));
export const deriveKey = (label, ...parts) => Buffer.from(blake3(Buffer.concat(parts), { context: Buffer.from(label) }));

/** What stands before a raw key of 32 bytes in the encodings that Node.js reads. */
const PREFIX = {
  ed25519: { private: "302e020100300506032b657004220420", public: "302a300506032b6570032100" },
  x25519: { private: "302e020100300506032b656e04220420", public: "302a300506032b656e032100" },
};

const privateKey = (curve, raw) =>
  crypto.createPrivateKey({ key: Buffer.concat([Buffer.from(PREFIX[curve].private, "hex"), raw]), format: "der", type: "pkcs8" });
const publicKey = (curve, raw) =>
  crypto.createPublicKey({ key: Buffer.concat([Buffer.from(PREFIX[curve].public, "hex"), raw]), format: "der", type: "spki" });

/** The public half of a raw private key. */
export function publicOf(curve, raw) {
  return crypto.createPublicKey(privateKey(curve, raw)).export({ format: "der", type: "spki" }).subarray(-32);
}

export const agree = (secret, peer) =>
  crypto.diffieHellman({ privateKey: privateKey("x25519", secret), publicKey: publicKey("x25519", peer) });
export const sign = (seed, ...parts) => crypto.sign(null, Buffer.concat(parts), privateKey("ed25519", seed));
export const verifies = (peer, signature, ...parts) => crypto.verify(null, Buffer.concat(parts), publicKey("ed25519", peer), signature);

/** ChaCha20-Poly1305. */
export function seal(key, nonce, aad, plaintext) {
  const cipher = crypto.createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

export function open(key, nonce, aad, sealed) {
  const cipher = crypto.createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: sealed.length - 16 });
  cipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

/** Opens what is sealed with a nonce made of what it seals. */
export function openSynthetic(secret, sealLabel, nonceLabel, aad, sealed) {
  const nonce = sealed.subarray(0, 24);
  const plaintext = Buffer.from(xchacha20poly1305(deriveKey(sealLabel, secret), nonce, aad).decrypt(sealed.subarray(24)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(aad.length));
  const expected = keyedHash(deriveKey(nonceLabel, secret), Buffer.concat([length, aad, plaintext]), 24);
  if (!expected.equals(nonce)) throw new Error("the nonce is not the one of what was sealed");
  return plaintext;
}

/** Opens HPKE's base mode (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305. */
export function openHpke(secret, encapsulated, info, sealed) {
  const kem = Buffer.concat([Buffer.from("KEM"), Buffer.of(0x00, 0x20)]);
  const suite = Buffer.concat([Buffer.from("HPKE"), Buffer.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x03)]);
  const sha256 = (key, ...parts) => crypto.createHmac("sha256", key).update(Buffer.concat(parts)).digest();
  const version = Buffer.from("HPKE-v1");
  const extract = (id, salt, label, material) => sha256(salt, version, id, Buffer.from(label), material);
  // No output here is longer than one hash.
  const expand = (id, key, label, context, length) =>
    sha256(key, Buffer.of(0, length), version, id, Buffer.from(label), context, Buffer.of(1)).subarray(0, length);
  const none = Buffer.alloc(0);
  const own = publicOf("x25519", secret);
  const agreed = extract(kem, none, "eae_prk", agree(secret, encapsulated));
  const shared = expand(kem, agreed, "shared_secret", Buffer.concat([encapsulated, own]), 32);
  const context = Buffer.concat([Buffer.of(0), extract(suite, none, "psk_id_hash", none), extract(suite, none, "info_hash", info)]);
  const schedule = extract(suite, shared, "secret", none);
  const [key, nonce] = [expand(suite, schedule, "key", context, 32), expand(suite, schedule, "base_nonce", context, 12)];
  return open(key, nonce, none, sealed);
}
