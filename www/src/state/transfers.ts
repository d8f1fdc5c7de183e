// What is being added to the vault: every file on its way from sealing to safe, and all of them in sum.

import type { Copies, Progress, PutItem } from "cachette";

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
}

/** A file that somebody chose, and where it goes. */
export interface Chosen {
  readonly path: string;
  readonly file: File;
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

class Transfers extends Source {
  #transfers: Transfer[] = [];
  readonly #running = new Set<AbortController>();
  #pending: number | undefined;
  #error: unknown;

  constructor() {
    super();
    window.addEventListener("beforeunload", (event) => {
      // The browser asks whether to leave while something is on its way.
      if (this.#running.size > 0) event.preventDefault();
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
    return { ...sum, isBusy: this.#running.size > 0 };
  }

  /** Adds files as one change of the vault. */
  async add(files: AsyncIterable<Chosen> | Iterable<Chosen>): Promise<void> {
    if (this.#running.size === 0) this.clear();
    const cancel = new AbortController();
    this.#running.add(cancel);
    const mine = new Map<string, Transfer>();
    this.#show();
    try {
      const items = this.#items(files, mine);
      const onProgress = (path: string, progress: Progress): void => this.#progress(mine.get(path), progress);
      for await (const { path, file, error } of session.peer.putAll(items, { signal: cancel.signal, onProgress })) {
        const transfer = mine.get(path);
        if (!transfer) continue;
        if (error) end(transfer, error);
        else {
          transfer.copies = file.copies;
          transfer.step = file.safety === "safe" ? "safe" : file.safety === "local" ? "local" : "at-risk";
        }
        this.#show();
      }
    } catch (error) {
      for (const transfer of mine.values()) if (isOpen(transfer)) end(transfer, error);
      if (mine.size === 0 && !isCancelled(error)) this.#error = error;
    }
    this.#running.delete(cancel);
    this.#show();
  }

  /** Gives up a file that waits, or everything. */
  cancel(transfer?: Transfer): void {
    if (transfer?.step === "waiting") transfer.step = "cancelled";
    else if (!transfer) {
      for (const each of this.#transfers) if (each.step === "waiting") each.step = "cancelled";
      for (const running of this.#running) running.abort();
    }
    this.#show();
  }

  /** Empties the tray of what is done. */
  clear(): void {
    if (this.#running.size > 0) return;
    this.#transfers = [];
    this.#error = undefined;
    this.#show();
  }

  /** Hands out files one after the other, without those that were cancelled while they waited. */
  async *#items(files: AsyncIterable<Chosen> | Iterable<Chosen>, mine: Map<string, Transfer>): AsyncGenerator<PutItem> {
    const known = Array.isArray(files) ? (files as Chosen[]) : undefined;
    const enter = ({ path, file }: Chosen): Transfer => {
      const transfer: Transfer = { path, total: file.size, step: "waiting", sealed: 0, sent: 0 };
      mine.set(path, transfer);
      this.#transfers.push(transfer);
      return transfer;
    };
    known?.forEach(enter);
    this.#show();
    for await (const chosen of files) {
      const transfer = mine.get(chosen.path) ?? enter(chosen);
      if (transfer.step === "cancelled") continue;
      yield { path: chosen.path, source: chosen.file, modified: chosen.file.lastModified };
    }
  }

  #progress(transfer: Transfer | undefined, { phase, sealed, sent, copies }: Progress): void {
    if (!transfer || !isOpen(transfer)) return;
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

function end(transfer: Transfer, error: unknown): void {
  transfer.step = isCancelled(error) ? "cancelled" : "failed";
  transfer.error = error;
}

export const transfers = new Transfers();
