// What is being added to the vault: every file on its way from sealing to safe, and all of them in sum.

import { CachetteError, type Copies, type Progress } from "cachette";

import { Source } from "../element.ts";
import { isCancelled } from "../trouble.ts";
import { session } from "./session.ts";

export type Step = "waiting" | "sealing" | "sending" | "safe" | "local" | "at-risk" | "failed" | "cancelled";

/** A file on its way. */
export interface Transfer {
  readonly path: string;
  readonly total: number;
  step: Step;
  sealed: number;
  sent: number;
  copies?: Copies | undefined;
  error?: unknown;
  readonly cancel: AbortController;
}

/** What somebody chose, and where it goes. */
export interface Chosen {
  readonly path: string;
  /** None for an empty folder. */
  readonly file: File | undefined;
}

/** All transfers since the tray was last empty. */
export interface Sum {
  readonly files: number;
  readonly bytes: number;
  readonly sealed: number;
  readonly sent: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly isBusy: boolean;
}

/** Progress comes hundreds of times a second and is shown this often. */
const SHOW_EVERY = 200;
/** Files that the peer is given at once; it reads them as it needs them. */
const AT_ONCE = 4096;

class Transfers extends Source {
  #transfers: Transfer[] = [];
  /** Calls of `add` that go on. */
  #running = 0;
  #pending: number | undefined;
  #error: unknown;

  constructor() {
    super();
    window.addEventListener("beforeunload", (event) => {
      // The browser asks whether to leave while something is on its way.
      if (this.#running > 0) event.preventDefault();
    });
  }

  get all(): readonly Transfer[] {
    return this.#transfers;
  }

  /** Why files that were chosen could not be read at all. */
  get error(): unknown {
    return this.#error;
  }

  get sum(): Sum {
    const sum = { files: this.#transfers.length, bytes: 0, sealed: 0, sent: 0, done: 0, failed: 0, cancelled: 0 };
    for (const { total, sealed, sent, step } of this.#transfers) {
      if (step === "cancelled") {
        sum.cancelled++;
        continue;
      }
      const isDone = step === "safe" || step === "local" || step === "at-risk";
      sum.bytes += total;
      sum.sealed += isDone ? total : sealed;
      sum.sent += isDone ? total : sent;
      if (isDone) sum.done++;
      if (step === "failed") sum.failed++;
    }
    return { ...sum, isBusy: this.#running > 0 };
  }

  /** Adds files, all at once: the peer puts as many as it can into each change of the vault. */
  async add(files: AsyncIterable<Chosen> | Iterable<Chosen>): Promise<void> {
    if (this.#running === 0) this.clear();
    this.#running++;
    this.#show();
    const puts = new Set<Promise<void>>();
    try {
      for await (const chosen of files) {
        const work = chosen.file ? this.#put(chosen.path, chosen.file) : this.#makeFolder(chosen.path);
        const put = work.finally(() => puts.delete(put));
        puts.add(put);
        if (puts.size >= AT_ONCE) await Promise.race(puts);
      }
    } catch (error) {
      // A folder that was dropped cannot be read to its end.
      this.#error = error;
    }
    await Promise.all(puts);
    this.#running--;
    this.#show();
  }

  /** Gives up a file, or everything. */
  cancel(transfer?: Transfer): void {
    for (const each of transfer ? [transfer] : this.#transfers) if (isOpen(each)) each.cancel.abort();
  }

  /** Empties the tray of what is done. */
  clear(): void {
    if (this.#running > 0) return;
    this.#transfers = [];
    this.#error = undefined;
    this.#show();
  }

  /** Makes a folder that stays empty, unless it is there. */
  async #makeFolder(path: string): Promise<void> {
    try {
      await session.peer.makeFolder(path);
    } catch (error) {
      if (error instanceof CachetteError && error.code === "exists") return;
      Object.assign(this.#begin(path, 0), { step: "failed", error });
    }
  }

  #begin(path: string, total: number): Transfer {
    const transfer: Transfer = { path, total, step: "waiting", sealed: 0, sent: 0, cancel: new AbortController() };
    this.#transfers.push(transfer);
    this.#show();
    return transfer;
  }

  async #put(path: string, file: File): Promise<void> {
    const transfer = this.#begin(path, file.size);
    const { cancel } = transfer;
    try {
      const onProgress = (progress: Progress): void => this.#progress(transfer, progress);
      const { safety, copies } = await session.peer.put(file, { path, modified: file.lastModified, signal: cancel.signal, onProgress });
      transfer.copies = copies;
      transfer.step = safety === "safe" ? "safe" : safety === "local" ? "local" : "at-risk";
    } catch (error) {
      transfer.step = isCancelled(error) ? "cancelled" : "failed";
      transfer.error = error;
    }
    this.#show();
  }

  #progress(transfer: Transfer, { phase, sealed, sent, copies }: Progress): void {
    if (!isOpen(transfer)) return;
    Object.assign(transfer, { sealed, sent, copies });
    // The outcome says how safe it is; until then it is on its way.
    transfer.step = phase === "sealing" ? "sealing" : "sending";
    this.#show();
  }

  #show(): void {
    this.#pending ??= window.setTimeout(() => {
      this.#pending = undefined;
      this.changed();
    }, SHOW_EVERY);
  }
}

function isOpen({ step }: Transfer): boolean {
  return step === "waiting" || step === "sealing" || step === "sending";
}

export const transfers = new Transfers();
