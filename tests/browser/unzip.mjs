// Takes a ZIP archive apart, of the plain kind that is written without being compressed, and checks every sum in it.

import assert from "node:assert/strict";
import { crc32 } from "node:zlib";

/** Returns the content of every entry by its name. */
export function unzip(archive) {
  const end = archive.lastIndexOf(Buffer.from("PK\x05\x06"));
  assert.ok(end >= 0, "an archive");
  const files = {};
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    assert.equal(archive.toString("latin1", at, at + 4), "PK\x01\x02", "an entry");
    assert.equal(archive.readUInt16LE(at + 10), 0, "not compressed");
    const [sum, size] = [archive.readUInt32LE(at + 16), archive.readUInt32LE(at + 24)];
    const [name, extra, remark] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field));
    const local = archive.readUInt32LE(at + 42);
    const begin = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const content = archive.subarray(begin, begin + size);
    assert.equal(crc32(content), sum, "as it was written");
    files[archive.toString("utf8", at + 46, at + 46 + name)] = content;
    at += 46 + name + extra + remark;
  }
  return files;
}
