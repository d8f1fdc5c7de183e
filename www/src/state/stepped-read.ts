// Reads a range in steps that grow. A peer reads ahead of whoever reads from it, and a player looks here and there: so it is only told of
// a little more than the player has wanted so far, and what the player never looks at is hardly fetched.

import type { FileInfo } from "cachette";

import type { Library, Pieces } from "./streams.ts";

const FIRST_STEP = 256 << 10;
const LAST_STEP = 16 << 20;

export class SteppedRead implements Pieces {
  readonly #library: Library;
  readonly #file: FileInfo;
  readonly #end: number;
  #at: number;
  /** Where the step under way began. */
  #from = 0;
  #step: number;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  /** Reads from `start` to before `end`; at once, when all of it is wanted for sure. */
  constructor(library: Library, file: FileInfo, { start, end }: { start: number; end: number }, isAllWanted: boolean) {
    this.#library = library;
    this.#file = file;
    this.#at = start;
    this.#end = end;
    this.#step = isAllWanted ? Number.POSITIVE_INFINITY : FIRST_STEP;
  }

  /** Returns the next piece, or nothing at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#at < this.#end) {
      this.#reader ??= this.#begin();
      const { done, value } = await this.#reader.read();
      if (!done) {
        this.#at += value.length;
        return value;
      }
      // A file that became shorter ends here.
      if (this.#at === this.#from) return undefined;
      this.#reader = undefined;
      this.#step = Math.min(this.#step * 2, LAST_STEP);
    }
    return undefined;
  }

  #begin(): ReadableStreamDefaultReader<Uint8Array> {
    this.#from = this.#at;
    const end = Math.min(this.#end, this.#at + this.#step);
    return this.#library.get(this.#file, { range: { start: this.#at, end } }).getReader();
  }

  async cancel(): Promise<void> {
    this.#at = this.#end;
    await this.#reader?.cancel();
  }
}
