// Records, the chain of certificates and the keys that they hand out, as core/docs/records.md describes them.

import { argon2id } from "@noble/hashes/argon2.js";

import { deriveKey, hash, openHpke, openSynthetic, publicOf, verifies } from "./ciphers.mjs";
import { decode, encode, read } from "./messagepack.mjs";

const LABELS = { 1: "cachette certificate", 2: "cachette head", 3: "cachette locate", 4: "cachette share" };
/** How many fields each kind has, and which of them names the signer. */
const SHAPES = { 1: { fields: 14, signer: 12 }, 2: { fields: 13, signer: 6 }, 3: { fields: 6, signer: 4 }, 4: { fields: 13, signer: 7 } };
const ZEROS = Buffer.alloc(32);
const READ = 1;

/** Reads a record; an error says why it is none. */
export function record(bytes) {
  const { value: fields, end } = read(bytes, 0);
  if (end < bytes.length) throw new Error("bytes follow the encoded value");
  const [kind, version, suite] = fields;
  if (!LABELS[kind] || version !== 1 || suite !== 1) {
    throw new Error(`record of unknown kind ${kind}, version ${version} or suite ${suite}`);
  }
  decode(bytes);
  if (fields.length !== SHAPES[kind].fields) throw new Error("the encoded value is not of the expected shape");
  if (!verifies(fields[SHAPES[kind].signer], fields.at(-1), Buffer.from(LABELS[kind]), bytes.subarray(0, -66))) {
    throw new Error("the record's signature does not hold");
  }
  const id = hash(bytes);
  return { kind, fields, id, vault: fields[3] ?? id, bytes };
}

/** A device, or a phrase, from its seed. */
export function identity(seed) {
  const [signing, agreement] = [deriveKey("cachette 2026-11 device sign", seed), deriveKey("cachette 2026-11 device agree", seed)];
  return { signing, agreement, peer: publicOf("ed25519", signing), agree: publicOf("x25519", agreement) };
}

/** Reads certificates from number 0 on; returns the vault and the secrets of all epochs that this member can open. */
export function epochs(certificates, member) {
  const secrets = [];
  let before;
  for (const bytes of certificates) {
    const { id, vault, fields } = record(bytes);
    const [, , , named, number, previous, epoch, members, , , wraps, sealedBefore, signer] = fields;
    if (number !== (before ? before.fields[4] + 1 : 0) || !previous.equals(before?.id ?? ZEROS)) throw new Error("the chain is broken");
    if (!vault.equals(before?.vault ?? id)) throw new Error("a certificate of another vault");
    const admins = (before?.fields[7] ?? members).filter(([, , , rights, , removed]) => rights & 4 && removed === null);
    if (!admins.some(([, peer]) => peer.equals(signer))) throw new Error("no admin signed it");
    const own = members.find(([, peer]) => peer.equals(member.peer));
    const wrap = own && own[3] & READ && wraps.find(([whose]) => whose === own[0]);
    if (!wrap) throw new Error("the member does not read");
    const context = encode([1, named, number, epoch, own[0], own[1], own[2]]);
    secrets[epoch] = openHpke(member.agreement, wrap[1], Buffer.concat([Buffer.from("cachette epoch wrap"), context]), wrap[2]);
    if (epoch > 0) {
      const labels = ["cachette 2026-11 epoch previous", "cachette 2026-11 previous nonce"];
      const older = openSynthetic(secrets[epoch], ...labels, encode([vault, epoch]), sealedBefore);
      if (!older.equals(secrets[epoch - 1])) throw new Error("the epoch before is another one");
    }
    before = { id, vault, fields };
  }
  return { vault: before.vault, secrets };
}

/** Opens what a head seals, with the secret of its certificate's epoch. */
export function openHead(bytes, secret) {
  const { fields } = record(bytes);
  const aad = encode(fields.slice(0, 11));
  return openSynthetic(secret, "cachette 2026-11 epoch head", "cachette 2026-11 head nonce", aad, fields[11]);
}

/** Opens a device's seed with its password. */
export function openSeed(file, password) {
  const [name, version, suite, peer, memory, passes, lanes, salt, commitment, sealed] = decode(file);
  const stretched = argon2id(password, salt, { m: memory, t: passes, p: lanes, dkLen: 32 });
  if (!deriveKey("cachette 2026-11 password commitment", stretched).equals(commitment)) throw new Error("the password is wrong");
  const aad = encode([[name, version, suite, peer], [memory, passes, lanes], salt, commitment]);
  return openSynthetic(stretched, "cachette 2026-11 password seal", "cachette 2026-11 password nonce", aad, sealed);
}

/** Reads an invitation's text. */
export function invitation(text) {
  const bytes = base32(text.slice("cachette-invite-".length));
  const length = bytes.readUInt16BE(1);
  const [lead, checksum] = [bytes.subarray(0, 3 + length), bytes.subarray(3 + length)];
  const expected = deriveKey("cachette 2026-11 text of an invitation", lead).subarray(0, 5);
  const whole = text.startsWith("cachette-invite-") && bytes[0] === 1 && checksum.equals(expected);
  if (!whole) throw new Error("the invitation is mistyped or altered");
  const [peer, addresses, token, limit, name, zone] = decode(lead.subarray(3));
  return { peer, addresses, token, limit, name, zone };
}

function base32(text) {
  const bits = [...text].map((symbol) => "abcdefghijklmnopqrstuvwxyz234567".indexOf(symbol).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/** Reads a link's text. */
export function link(text) {
  if (text.includes("://") && !text.includes("#")) throw new Error("this is no link to something shared");
  const symbols = text.slice(text.lastIndexOf("#") + 1).replace(/^link\//, "");
  const bytes = Buffer.from(symbols, "base64url");
  const [lead, checksum] = [bytes.subarray(0, -4), bytes.subarray(-4)];
  if (!deriveKey("cachette 2026-11 text of a link", lead).subarray(0, 4).equals(checksum)) {
    throw new Error(endsEarly(bytes) ? "the link is cut short; copy it to its end" : "the link is mistyped or altered");
  }
  if (lead[0] !== 1) throw new Error(`the link was made by a later release (version ${lead[0]})`);
  const [vault, secret, digest, nodes] = decode(lead.subarray(1));
  if (!nodes?.length) throw new Error("the link's contents are not valid");
  return { vault, secret, digest, nodes, id: deriveKey("cachette 2026-11 share locator", secret) };
}

/** Says whether a body that begins behind the version, or the checksum behind it, is not all there. */
function endsEarly(bytes) {
  try {
    return read(bytes, 1).end + 4 > bytes.length;
  } catch (error) {
    return error.message === "the encoding is cut short";
  }
}
