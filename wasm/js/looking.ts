// Looking at whatever can be listed and read: a vault of one's own, or what a link shows.

import { CachetteError } from "./errors.js";
import type { Client } from "./rpc.js";
import { normal } from "./sources.js";
import type { FileInfo, GetOptions } from "./types.js";

/** Reads from whatever can be read. */
export function read(client: Client, file: string | FileInfo, { range, signal }: GetOptions): ReadableStream<Uint8Array> {
  const { start = 0, end } = range ?? {};
  if (!Number.isSafeInteger(start) || start < 0 || (end !== undefined && (!Number.isSafeInteger(end) || end < start))) {
    throw new CachetteError("invalid-argument", `there are no bytes from ${start} to ${end}`);
  }
  return client.read({ path: pathOf(file), from: start, len: end === undefined ? undefined : end - start }, signal);
}

/** Lists whatever can be listed. */
export async function* entries(client: Client, path: string, signal: AbortSignal | undefined): AsyncIterableIterator<FileInfo> {
  let after: string | undefined;
  for (;;) {
    const page = await client.call("list", { path, after, limit: PAGE }, { signal });
    // A short page is not the end: a vault gives what it has at hand.
    if (page.length === 0) return;
    yield* page;
    // The last part of its path, for a name that is no text is written otherwise there.
    after = page.at(-1)?.path.split("/").at(-1);
  }
}

/** Returns the path that is meant. */
export function pathOf(file: string | FileInfo): string {
  return normal(typeof file === "string" ? file : file.path);
}

/** Entries of a folder that are asked for at once. */
const PAGE = 500;
