// Commits, few for many changes: what is staged while one runs goes into the next. A change is answered when the commit that holds it is
// safe.
//
//   gathering --nobody stages any more, or the first change waited long enough--> committing
//       ^                                                                              |
//       +------------------------------------------------------------------------------+

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
  #phase: "gathering" | "committing" = "gathering";
  #staging = 0;
  readonly #queue: (() => void)[] = [];
  #staged: { resolve(copies: Copies | undefined): void; reject(error: unknown): void }[] = [];
  /** What the commit under way holds. */
  #committing = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last commit that failed, and everything with it that was put or staged then. */
  #failed: { error: unknown } | undefined;

  constructor(tab: Pick<Tab, "commit">) {
    this.#tab = tab;
  }

  /** Stages a change as soon as there is room for it, and resolves when it is committed. */
  async change<T>(stage: () => Promise<T>, signal?: AbortSignal, whenStaged?: () => void): Promise<Change<T>> {
    await this.#enter(signal);
    let staged: Promise<Copies | undefined> | undefined;
    let value: T;
    const before = this.#failed;
    try {
      value = await stage();
      // The vault gave up what was staged beside the commit that failed: a later one would not hold it.
      if (this.#failed && this.#failed !== before) throw this.#failed.error;
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

  /** Goes on as far as possible. A change that takes long to stage holds nobody else's back. */
  #on(waited = false): void {
    if (this.#phase === "committing") return;
    while (this.#staging < AT_ONCE) {
      const next = this.#queue.shift();
      if (!next) break;
      this.#staging++;
      next();
    }
    if (this.#staged.length === 0) return;
    if (this.#staging === 0 || waited) void this.#commit();
    else this.#timer ??= setTimeout(() => this.#on(true), GATHER_MS);
  }

  async #commit(): Promise<void> {
    this.#phase = "committing";
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#staged;
    this.#staged = [];
    this.#committing = batch.length;
    try {
      const { copies } = await this.#tab.commit("");
      for (const { resolve } of batch) resolve(copies);
    } catch (error) {
      this.#failed = { error };
      for (const { reject } of [...batch, ...this.#staged.splice(0)]) reject(error);
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
