// An open vault in the service: the driver's tab, its commits, and what is known of its safety.

import type { Tab, TabEvent } from "./bindings.js";
import { Committer } from "./committer.js";
import type { Copies, Safety, Status } from "./types.js";

/** An open vault. */
export class Vault {
  readonly tab: Tab;
  readonly commits: Committer;
  /** Called when nodes took something. */
  readonly placed = new Set<() => void>();
  #copies: Copies | undefined;
  #spreading = 0;
  #unspread = false;
  /** Bytes that wait for their copies. */
  #waiting = 0;

  constructor(tab: Tab) {
    this.tab = tab;
    this.commits = new Committer(tab);
  }

  /** Learns from what the driver tells. */
  take(event: TabEvent): void {
    if (event.type !== "placed") return;
    this.#waiting = event.bytes;
    for (const listener of this.placed) listener();
  }

  /** Stages a change, and resolves when it is committed. */
  async change<T>(stage: () => Promise<T>, signal?: AbortSignal, whenStaged?: () => void): Promise<{ value: T; copies: Copies | undefined }> {
    const { value, copies } = await this.commits.change(stage, signal, whenStaged);
    if (this.hasNodes()) this.#copies = copies ?? this.#copies;
    return { value, copies: this.hasNodes() ? copies : undefined };
  }

  /** Gives the nodes what they lack, and says whether all is safe then. */
  async spread(): Promise<boolean> {
    this.#spreading++;
    this.#unspread = true;
    try {
      const { copies } = await this.tab.spread();
      this.#copies = copies;
      this.#unspread = copies !== undefined && copies.durable < copies.safeAt;
      return !this.#unspread;
    } finally {
      this.#spreading--;
    }
  }

  hasNodes(): boolean {
    return this.tab.nodes().length > 0;
  }

  /** Returns how many bytes wait for their copies. */
  waiting(): number {
    return this.#waiting;
  }

  async status(): Promise<Omit<Status, "leader" | "pending">> {
    const peers = await this.tab.peers();
    const nodes = this.tab.nodes().length;
    const answering = peers.filter(({ kind, state }) => kind === "node" && state === "up").length;
    return { safety: this.#safety(nodes, answering), copies: this.#copies, nodes, answering };
  }

  #safety(nodes: number, answering: number): Safety {
    if (nodes === 0) return "local";
    const busy = this.commits.pending > 0 || this.#spreading > 0;
    if (busy) return answering > 0 ? "on-its-way" : "at-risk";
    return this.#unspread || safety(this.#copies) === "at-risk" ? "at-risk" : "safe";
  }
}

/** Returns the word for so many copies of something that nodes were given. */
export function safety(copies: Copies | undefined): Safety {
  if (!copies) return "local";
  return copies.durable >= copies.safeAt ? "safe" : "at-risk";
}
