// The one vault of this browser, from the first visit to an open peer, and back to locked.

import { CachetteError, Peer, type PeerEvent, type Recovery } from "cachette";

import { Source } from "../element.ts";
import { preferences } from "./preferences.ts";

/** Where the vault is between a first visit and an open peer. */
export type Phase =
  | { readonly at: "starting" }
  /** The page came over plain HTTP from another machine: the browser gives it no ciphers. */
  | { readonly at: "insecure" }
  | { readonly at: "new" }
  | { readonly at: "locked" }
  /** The recovery words are shown; the vault is open already. */
  | { readonly at: "recovery"; readonly recovery: Recovery }
  | { readonly at: "open" }
  | { readonly at: "failed"; readonly error: unknown };

class Session extends Source {
  #phase: Phase = { at: "starting" };
  #peer: Peer | undefined;
  #listeners = new Set<(event: PeerEvent) => void>();

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => void this.#lookAgain());
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The peer, of a vault that is open. */
  get peer(): Peer {
    if (!this.#peer) throw new Error("the vault is not open");
    return this.#peer;
  }

  get isOpen(): boolean {
    return this.#peer !== undefined;
  }

  /** Looks what there is in this browser, and opens what needs no password. */
  async start(): Promise<void> {
    if (!window.isSecureContext) {
      this.#become({ at: "insecure" });
      return;
    }
    await this.#attempt(async () => {
      const state = await Peer.state();
      if (state === "none") this.#become({ at: "new" });
      else if (state === "ready") this.#opened(await Peer.open());
      else await this.#follow();
    });
  }

  /** Makes a vault and shows its recovery words. */
  async make(): Promise<void> {
    const peer = await Peer.open();
    preferences.set({ confirmed: false });
    this.#opened(peer, peer.recovery ? { at: "recovery", recovery: peer.recovery } : { at: "open" });
  }

  /** Opens a vault that exists with its words. */
  async restore(words: string, nodes: string[]): Promise<void> {
    const peer = await Peer.restore({ words, nodes });
    preferences.set({ confirmed: true });
    this.#opened(peer);
  }

  async unlock(password: string): Promise<void> {
    this.#opened(await Peer.open({ password }));
  }

  /** The person has the words. */
  finishRecovery(): void {
    this.#become({ at: "open" });
  }

  async lock(): Promise<void> {
    const peer = this.peer;
    this.#peer = undefined;
    try {
      await peer.lock();
    } catch (error) {
      this.#peer = peer;
      throw error;
    }
    this.#become({ at: "locked" });
  }

  /** Forgets the vault in this browser. Nodes keep what they have. */
  async erase(): Promise<void> {
    this.#peer = undefined;
    await Peer.erase();
    preferences.set({ vault: "", confirmed: false });
    this.#become({ at: "new" });
  }

  /** Calls back for everything that happens in the open vault, until the returned function is called. */
  onEvent(listener: (event: PeerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #opened(peer: Peer, phase: Phase = { at: "open" }): void {
    this.#peer = peer;
    this.#become(phase);
    void this.#listen(peer);
  }

  async #listen(peer: Peer): Promise<void> {
    try {
      for await (const event of peer.events()) {
        if (event.type === "locked") {
          await this.#lockedElsewhere();
          return;
        }
        for (const listener of [...this.#listeners]) listener(event);
      }
      // Nobody closed it: what it runs on broke.
      if (this.#peer === peer) throw new CachetteError("closed", "the vault was closed in this tab");
    } catch (error) {
      if (this.#peer !== peer) return;
      this.#peer = undefined;
      this.#become({ at: "failed", error });
    }
  }

  /** While this tab was not looked at, another one may have made, unlocked or erased the vault. */
  async #lookAgain(): Promise<void> {
    const { at } = this.#phase;
    if (document.hidden || (at !== "new" && at !== "locked")) return;
    const state = await Peer.state().catch(() => undefined);
    if (this.#phase.at !== at || state === undefined) return;
    if (at === "locked" || state !== "none") await this.start();
  }

  /** Another tab locked the vault, or erased it. */
  async #lockedElsewhere(): Promise<void> {
    if (!this.#peer) return;
    this.#peer = undefined;
    await this.start();
  }

  /** Opens a vault that has a password without it: that works while another tab has it open. */
  async #follow(): Promise<void> {
    try {
      this.#opened(await Peer.open());
    } catch (error) {
      const isLocked = error instanceof CachetteError && (error.code === "locked" || error.code === "wrong-password");
      if (!isLocked) throw error;
      this.#become({ at: "locked" });
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#become({ at: "failed", error });
    }
  }

  #become(phase: Phase): void {
    this.#phase = phase;
    this.changed();
  }
}

export const session = new Session();
