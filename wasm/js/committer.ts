// Commits, few for many changes: what is staged while one runs goes into the next. A change is answered when the commit that holds it is
// safe.
//
//   gathering --nobody stages any more, or the first change waited long enough--> closing --the last one is staged--> committing
//       ^                                                                                                                 |
//       +-----------------------------------------------------------------------------------------------------------------+

import type { Tab } from "./bindings.js";
import type { Copies } from "./types.js";

/** What a change came to. */
export interface Change<T> {
  readonly value: T;
  readonly copies: Copies | undefined;
}

/** The changes of one vault. */
export class Committer {
  readonly #tab: Pick<Tab, "commit">;
  #phase: "gathering" | "closing" | "committing" = "gathering";
  #staging = 0;
  readonly #queue: (() => void)[] = [];
  #staged: { resolve(copies: Copies | undefined): void; reject(error: unknown): void }[] = [];
  /** What the commit under way holds. */
  #committing = 0;
  #since = 0;

  constructor(tab: Pick<Tab, "commit">) {
    this.#tab = tab;
  }

  /** Stages a change as soon as there is room for it, and resolves when it is committed. */
  async change<T>(stage: () => Promise<T>, signal?: AbortSignal, whenStaged?: () => void): Promise<Change<T>> {
    await this.#enter(signal);
    let staged: Promise<Copies | undefined> | undefined;
    let value: T;
    try {
      value = await stage();
      if (this.#staged.length === 0) this.#since = performance.now();
      staged = new Promise((resolve, reject) => this.#staged.push({ resolve, reject }));
      whenStaged?.();
    } finally {
      this.#staging--;
      this.#on();
    }
    return { value, copies: await staged };
  }

  /** Says how many changes are not committed. */
  get pending(): number {
    return this.#queue.length + this.#staging + this.#staged.length + this.#committing;
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#phase === "gathering" && this.#staging < AT_ONCE) {
      this.#staging++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(enter), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#queue.push(enter);
    });
  }

  /** Goes on as far as possible. */
  #on(): void {
    if (this.#phase === "gathering" && this.#staged.length > 0 && performance.now() - this.#since > GATHER_MS) this.#phase = "closing";
    while (this.#phase === "gathering" && this.#staging < AT_ONCE) {
      const next = this.#queue.shift();
      if (!next) break;
      this.#staging++;
      next();
    }
    if (this.#phase === "committing" || this.#staging > 0) return;
    if (this.#staged.length > 0) void this.#commit();
    else this.#phase = "gathering";
  }

  async #commit(): Promise<void> {
    this.#phase = "committing";
    const batch = this.#staged;
    this.#staged = [];
    this.#committing = batch.length;
    try {
      const { copies } = await this.#tab.commit("");
      for (const { resolve } of batch) resolve(copies);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    this.#committing = 0;
    this.#phase = "gathering";
    this.#on();
  }
}

/** So many changes are staged at the same time: enough that none waits for another's file to be read. */
const AT_ONCE = 8;
/** A change waits so long for others that come with it. */
const GATHER_MS = 1000;
