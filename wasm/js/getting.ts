// A get in the service: pieces of a file as far as there is credit.

import type { Readable } from "./bindings.js";
import { type GetInput, PIECE } from "./protocol.js";
import type { Work } from "./service.js";

/** Reads a file, or a part of it, and resolves when its last byte is given out. */
export async function get(from: Readable, { path, from: start, len, credit }: GetInput, work: Work): Promise<void> {
  work.credit(credit);
  const reading = from.read(path, start, len);
  const stop = () => reading.cancel();
  work.signal.addEventListener("abort", stop, { once: true });
  try {
    for (let bytes = await reading.next(); bytes !== undefined; bytes = await reading.next()) {
      for (let at = 0; at < bytes.length; at += PIECE) {
        await work.give(bytes.length <= PIECE ? bytes : bytes.slice(at, at + PIECE));
      }
    }
  } finally {
    work.signal.removeEventListener("abort", stop);
  }
}
