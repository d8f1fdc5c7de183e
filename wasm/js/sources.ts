// What callers put, brought into one of two shapes: a blob, which can be read again, or a stream, which cannot.

import { CachetteError } from "./errors.js";
import type { Source } from "./types.js";

/** A source as the service takes it. */
export interface Taken {
  readonly blob?: Blob;
  readonly stream?: ReadableStream<Uint8Array>;
  /** When a file was changed, if the source knows. */
  readonly modified?: number;
}

/** Takes a source. Bytes are copied at once: the caller may change them afterwards. */
export function take(source: Source): Taken {
  if (source instanceof Blob) {
    const { lastModified } = source as Partial<File>;
    return lastModified === undefined ? { blob: source } : { blob: source, modified: lastModified };
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return { blob: new Blob([source as BlobPart]) };
  if (source instanceof ReadableStream) {
    if (source.locked) throw new CachetteError("invalid-argument", "the stream is being read by somebody else already");
    return { stream: source };
  }
  throw new CachetteError("invalid-argument", "only blobs, files, bytes and streams of bytes can be put", { hint: "wrap it: new Blob([…])" });
}

/** Brings a path into the one form in which paths are written. */
export function normal(path: string): string {
  if (typeof path !== "string") throw new CachetteError("invalid-argument", "a path is a text such as /folder/name");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw new CachetteError("wrong-path", `${path} leads out of its folder`, { hint: "write the whole path" });
  return `/${names.join("/")}`;
}

/** The same for what needs a name at its end. */
export function named(path: string): string {
  const whole = normal(path);
  if (whole === "/") throw new CachetteError("wrong-path", "the path names no file", { hint: "write /folder/name" });
  return whole;
}
