// Deleting with a way back: what a person deletes is hidden at once and deleted ten seconds later, unless they change their mind.

import { Source } from "../element.ts";
import { session } from "./session.ts";

/** How long one can change one's mind. */
export const UNDO_FOR = 10_000;

interface Batch {
  readonly paths: ReadonlySet<string>;
  readonly timer: number;
  /** When it becomes final, on the page's clock. */
  readonly until: number;
}

class Trash extends Source {
  #batch: Batch | undefined;
  readonly #removing = new Set<string>();
  #error: unknown;

  constructor() {
    super();
    // Whoever closes the page meant it. The work may not end before the page does, and then the files are still there.
    window.addEventListener("pagehide", () => void this.#finish());
  }

  /** What can still be brought back. */
  get waiting(): Batch | undefined {
    return this.#batch;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Nothing is hidden. */
  get isEmpty(): boolean {
    return this.#batch === undefined && this.#removing.size === 0;
  }

  /** Says whether something is deleted as far as the person is concerned. */
  hides(path: string): boolean {
    return this.#batch?.paths.has(path) === true || this.#removing.has(path);
  }

  delete(paths: Iterable<string>): void {
    void this.#finish();
    this.#error = undefined;
    const timer = window.setTimeout(() => void this.#finish(), UNDO_FOR);
    this.#batch = { paths: new Set(paths), timer, until: performance.now() + UNDO_FOR };
    this.changed();
  }

  undo(): void {
    window.clearTimeout(this.#batch?.timer);
    this.#batch = undefined;
    this.changed();
  }

  async #finish(): Promise<void> {
    const batch = this.#batch;
    if (!batch) return;
    window.clearTimeout(batch.timer);
    this.#batch = undefined;
    for (const path of batch.paths) this.#removing.add(path);
    this.changed();
    for (const path of batch.paths) {
      try {
        await session.peer.remove(path);
      } catch (error) {
        this.#error = error;
      }
      // The list is made anew after every change; until then the row stays hidden.
      window.setTimeout(() => {
        this.#removing.delete(path);
        this.changed();
      }, 1_500);
    }
    this.changed();
  }
}

export const trash = new Trash();
