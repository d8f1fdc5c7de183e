// The peers of the vault as they are now, and how fast bytes move between them and this tab.

import type { PeerInfo } from "cachette";

import { Source } from "../element.ts";
import { session } from "./session.ts";

/** A peer with its traffic, in bytes a second. */
export interface LivePeer extends PeerInfo {
  readonly rate: number;
}

interface Seen {
  readonly bytes: number;
  readonly at: number;
}

export class Network extends Source {
  #peers: readonly LivePeer[] = [];
  #seen = new Map<string, Seen>();
  #isKnown = false;
  #error: unknown;

  get peers(): readonly LivePeer[] {
    return this.#peers;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  get error(): unknown {
    return this.#error;
  }

  async look(): Promise<void> {
    if (!session.isOpen) return;
    try {
      const peers = await session.peer.peers();
      const at = performance.now();
      const seen = new Map<string, Seen>();
      const named = peers.toSorted((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
      this.#peers = named.map((peer) => {
        const bytes = peer.sent + peer.received;
        const before = this.#seen.get(peer.peer);
        seen.set(peer.peer, { bytes, at });
        return { ...peer, rate: before && at > before.at ? Math.max(0, ((bytes - before.bytes) * 1000) / (at - before.at)) : 0 };
      });
      this.#seen = seen;
      this.#isKnown = true;
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
    this.changed();
  }
}
