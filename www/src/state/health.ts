// How the vault is doing: asked again after every event, and now and then while the page is seen.

import type { Status } from "cachette";

import { Source } from "../element.ts";
import { session } from "./session.ts";

/** Somebody who looks sees within this time what another device wrote. */
const EVERY = 5_000;
/** Events come in bursts; one question answers for all of them. */
const PAUSE = 500;

class Health extends Source {
  #status: Status | undefined;
  #soon: number | undefined;

  constructor() {
    super();
    session.watch(() => (session.isOpen ? this.#ask() : this.#forget()));
    session.onEvent(() => this.#askSoon());
    window.setInterval(() => {
      if (session.isOpen && !document.hidden) void this.#ask();
      this.#refresh();
    }, EVERY);
    document.addEventListener("visibilitychange", () => this.#refresh());
  }

  get status(): Status | undefined {
    return this.#status;
  }

  /** Asks the nodes what other devices wrote, while somebody looks. */
  #refresh(): void {
    if (!session.isOpen || document.hidden || !this.#status?.nodes) return;
    // Without an answer everything stays as it was seen last.
    session.peer.refresh().catch(() => undefined);
  }

  #askSoon(): void {
    this.#soon ??= window.setTimeout(() => {
      this.#soon = undefined;
      if (session.isOpen) void this.#ask();
    }, PAUSE);
  }

  async #ask(): Promise<void> {
    try {
      this.#status = await session.peer.status();
      this.changed();
      // What is on its way arrives without an event of its own.
      if (this.#status.safety === "on-its-way") this.#askSoon();
    } catch {
      // A peer that is being opened anew answers in a moment.
    }
  }

  #forget(): void {
    this.#status = undefined;
    this.changed();
  }
}

export const health = new Health();
