// Events for whoever iterates over them. A slow reader misses some and is told how many; it never makes anybody wait.

import type { PeerEvent } from "./types.js";

/** All readers of one peer's events. */
export class Events {
  readonly #queues = new Set<Queue>();
  #closed = false;

  /** Begins to collect events; whoever stops iterating ends that. */
  subscribe(signal?: AbortSignal): AsyncIterableIterator<PeerEvent> {
    const queue = new Queue(signal, () => this.#queues.delete(queue));
    if (this.#closed) queue.close();
    else this.#queues.add(queue);
    return queue;
  }

  emit(event: PeerEvent): void {
    for (const queue of this.#queues) queue.push(event);
  }

  close(): void {
    this.#closed = true;
    for (const queue of this.#queues) queue.close();
  }

  /** Says whether anybody listens. */
  get listened(): boolean {
    return this.#queues.size > 0;
  }
}

class Queue implements AsyncIterableIterator<PeerEvent> {
  readonly #events: PeerEvent[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #leave: () => void;
  #missed = 0;
  #over = false;
  #wake: (() => void) | undefined;
  readonly #abort = (): void => this.close();

  constructor(signal: AbortSignal | undefined, leave: () => void) {
    this.#signal = signal;
    this.#leave = leave;
    signal?.addEventListener("abort", this.#abort, { once: true });
    if (signal?.aborted) this.#over = true;
  }

  push(event: PeerEvent): void {
    if (this.#events.length >= EVENTS_MAX) {
      this.#events.shift();
      this.#missed++;
    }
    this.#events.push(event);
    this.#wake?.();
  }

  close(): void {
    this.#over = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#leave();
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<PeerEvent>> {
    for (;;) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      if (this.#missed > 0) {
        const count = this.#missed;
        this.#missed = 0;
        return { done: false, value: { type: "missed", count } };
      }
      const value = this.#events.shift();
      if (value) return { done: false, value };
      if (this.#over) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async return(): Promise<IteratorResult<PeerEvent>> {
    this.#events.length = 0;
    this.#missed = 0;
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** So many events wait for a slow reader. */
const EVENTS_MAX = 256;
