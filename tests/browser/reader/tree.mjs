// Objects of a vault's tree, as core/docs/format.md describes them.

import { decode, read } from "./messagepack.mjs";

const PACK_MAX = (1 << 20) - 16;
const [SNAPSHOT, DIRECTORY, FILE] = [1, 2, 4];

/** An open pack: the objects that lie in it alone. */
export class Pack {
  constructor(bytes) {
    this.bytes = bytes;
  }

  snapshot({ offset, stored }) {
    // It is the last object, so the rest are zeros.
    if (this.bytes.subarray(offset + stored).some((byte) => byte !== 0)) damaged("something follows the last object");
    const { refer, body } = this.#object({ offset, stored }, SNAPSHOT);
    const [parents, root, time, device, message] = body;
    return { root: refer(root), parents: parents.length, time, device, message };
  }

  /** Lists a directory of one page. */
  list(directory) {
    const { refer, body } = this.#object(directory, DIRECTORY);
    if (body.length === 0) damaged("a page is empty");
    const entries = body.map(([name, kind, content]) => {
      if (name.length < 1 || name.length > 255 || name.includes(0) || [".", ".."].includes(`${name}`) || name.includes("/")) malformed();
      return { name: name.toString(), ...entry(kind, decode(content), refer) };
    });
    if (body.some(([name], at) => at > 0 && Buffer.compare(body[at - 1][0], name) >= 0)) damaged("names are not in order");
    return entries;
  }

  /** Returns the chunks of a file, which stand in its entry or on one page. */
  chunks({ file, pages, chunks }) {
    if (!pages) return chunks;
    const { refer, body } = this.#object(pages, FILE);
    return chunksOf(body, file, refer);
  }

  /** Reads an object that must be of a kind. */
  #object({ offset, stored }, kind) {
    const [found, version, table, body] = canonical(this.bytes.subarray(offset, offset + stored));
    if (!(found >= 1 && found <= 5) || version !== 1) {
      throw new Error(`written by a newer release: object of kind ${found}, version ${version}`);
    }
    if (found !== kind) damaged("an object of another kind stands here");
    return { body, refer: (at) => at && reference(at, table, offset) };
  }
}

function entry(kind, [meta, second, third], refer) {
  if (kind === 1) return { meta, what: "file", file: second, chunks: chunksOf(third, second, refer) };
  if (kind === 2) return { meta, what: "file", file: second, pages: refer(third) };
  if (kind === 3) return { meta, what: "folder", folder: second !== null, pages: refer(second) };
  if (kind === 4) return { meta, what: "symlink", symlink: second };
  if (kind === 5) return { meta, what: "mount", mount: second };
  return { what: "unknown" };
}

function chunksOf(stored, length, refer) {
  let start = 0;
  const chunks = stored.map(([id, len, at]) => {
    start += len;
    return { start: start - len, len, id, ...refer(at) };
  });
  if (start !== length) damaged("the chunks of a file do not add up to its length");
  return chunks;
}

/** What a reference at rest means in an object that begins at a byte of its own pack. */
function reference([index, offset, stored, codec], table, own) {
  if (offset >= PACK_MAX || stored < 1 || stored > PACK_MAX) damaged("a reference points outside of a pack");
  const runsOn = offset + stored > PACK_MAX;
  if (index + (runsOn ? 1 : 0) >= table.length) damaged("a reference points outside of the table");
  const [first, next] = [table[index], runsOn ? table[index + 1] : null];
  const end = runsOn && next === null ? offset + stored - PACK_MAX : first === null ? offset + stored : 0;
  if (end > own) damaged("a reference points at or behind its own object");
  return { first, next, offset, stored, codec };
}

function canonical(bytes) {
  // A kind of a later release has whatever fields it likes behind the first three.
  const [kind, version] = read(bytes, 0).value;
  try {
    return decode(bytes);
  } catch {
    return kind > 5 || version > 1 ? [kind, version] : malformed();
  }
}

function damaged(why) {
  throw new Error(`the tree is damaged: ${why}`);
}

function malformed() {
  damaged("an object is not encoded as its kind demands");
}
