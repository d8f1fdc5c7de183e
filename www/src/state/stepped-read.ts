// Reads a range in steps that grow. A peer reads ahead of whoever reads from it, and a player looks here and there: so it is only told of
// a little more than the player has wanted so far, and what the player never looks at is hardly fetched. The next step is on its way while
// one is looked at, so that a far node costs one way there and back and not one for each.

import type { FileInfo } from "cachette";

import type { Library, Pieces } from "./streams.ts";

const FIRST_STEP = 512 << 10;
const LAST_STEP = 2 << 20;

interface Step {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly length: number;
  coming: Promise<ReadableStreamReadResult<Uint8Array>>;
  taken: number;
}

export class SteppedRead implements Pieces {
  readonly #library: Library;
  readonly #file: FileInfo;
  readonly #end: number;
  /** Where the next step begins. */
  #at: number;
  #step: number;
  readonly #steps: Step[] = [];

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
    for (;;) {
      const step = this.#steps[0] ?? this.#begin();
      if (!step) return undefined;
      const { done, value } = await step.coming;
      if (!done) {
        step.taken += value.length;
        step.coming = ask(step.reader);
        if (this.#steps.length === 1 && 2 * step.taken >= step.length) this.#begin();
        return value;
      }
      this.#steps.shift();
      // A file that became shorter ends here.
      if (step.taken === 0) this.#at = this.#end;
    }
  }

  async cancel(): Promise<void> {
    this.#at = this.#end;
    await Promise.all(this.#steps.splice(0).map(({ reader }) => reader.cancel()));
  }

  #begin(): Step | undefined {
    if (this.#at >= this.#end) return undefined;
    const [start, end] = [this.#at, Math.min(this.#end, this.#at + this.#step)];
    const reader = this.#library.get(this.#file, { range: { start, end } }).getReader();
    const step = { reader, length: end - start, coming: ask(reader), taken: 0 };
    this.#steps.push(step);
    this.#at = end;
    this.#step = Math.min(this.#step * 2, LAST_STEP);
    return step;
  }
}

/** Asks for a piece; whether that fails is of interest only to whoever waits for it. */
function ask(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  const coming = reader.read();
  coming.catch(() => undefined);
  return coming;
}
