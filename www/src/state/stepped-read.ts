// Reads a range in steps that grow. A peer reads ahead of whoever reads from it, and a player looks here and there: so it is only told of
// a little more than the player has wanted so far, and what the player never looks at is hardly fetched. A player that comes back for more
// has the next step on its way meanwhile, so that a far node costs one way there and back and not one for each step.

import type { FileInfo } from "cachette";

import type { Library, Pieces } from "./streams.ts";

const FIRST_STEP = 256 << 10;
/** With the step behind it under way too, this is what a way there and back may cost in advance. */
const LAST_STEP = 2 << 20;

interface Step {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly length: number;
  /** The next piece, asked for before it is wanted: nothing is on its way before somebody reads. */
  coming: Promise<ReadableStreamReadResult<Uint8Array>>;
  taken: number;
}

export class SteppedRead implements Pieces {
  readonly #library: Library;
  readonly #file: FileInfo;
  readonly #end: number;
  /** Where the next step begins. */
  #at: number;
  #length: number;
  /** The step that is being taken, and at most one behind it. */
  readonly #steps: Step[] = [];

  /** Reads from `start` to before `end`; at once, when all of it is wanted for sure. */
  constructor(library: Library, file: FileInfo, { start, end }: { start: number; end: number }, isAllWanted: boolean) {
    this.#library = library;
    this.#file = file;
    this.#at = start;
    this.#end = end;
    this.#length = isAllWanted ? Number.POSITIVE_INFINITY : FIRST_STEP;
  }

  /** Returns the next piece, or nothing at the end. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const step = this.#steps[0] ?? this.#begin();
      if (!step) return undefined;
      if (this.#steps.length === 1 && 2 * step.taken >= step.length) this.#begin();
      const { done, value } = await step.coming;
      if (!done) {
        step.taken += value.length;
        step.coming = ask(step.reader);
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
    const range = { start: this.#at, end: Math.min(this.#end, this.#at + this.#length) };
    const reader = this.#library.get(this.#file, { range }).getReader();
    const step = { reader, length: range.end - range.start, coming: ask(reader), taken: 0 };
    this.#steps.push(step);
    this.#at = range.end;
    this.#length = Math.min(this.#length * 2, LAST_STEP);
    return step;
  }
}

/** Asks for a piece; whether that fails is of interest only to whoever waits for it. */
function ask(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  const coming = reader.read();
  coming.catch(() => undefined);
  return coming;
}
