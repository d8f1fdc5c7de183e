// How many lasting copies each file has: asked for the files that somebody looks at, a few at a time, and asked again when nodes come or go.

import type { Copies, Safety, Whereabouts } from "cachette";

import { Source } from "../element.ts";
import { health } from "./health.ts";
import { session } from "./session.ts";

export interface FileSafety {
  readonly safety: Safety;
  readonly copies: Copies;
}

/** Questions to nodes that are open at the same time. */
const AT_ONCE = 3;
/** Answers that are remembered. */
const KEPT = 5_000;
/** Changes come in bursts. */
const PAUSE = 1_000;

class FileCopies extends Source {
  readonly #known = new Map<string, { readonly answer: FileSafety; readonly generation: number }>();
  /** What is on the screen. */
  #shown: readonly string[] = [];
  #wanted: string[] = [];
  #asking = 0;
  /** Goes up when answers may have become wrong. They are shown until there are new ones. */
  #generation = 0;
  #soon: number | undefined;

  constructor() {
    super();
    session.onEvent(({ type }) => {
      if (type === "peer-up" || type === "peer-down" || type === "changed") this.#askAgain();
    });
    session.watch(() => {
      if (!session.isOpen) this.#known.clear();
    });
  }

  of(path: string): FileSafety | undefined {
    return this.#known.get(path)?.answer;
  }

  /** These are on the screen now; what was asked for before and not answered yet matters no more. */
  want(paths: readonly string[]): void {
    this.#shown = paths;
    this.#wanted = paths.filter((path) => this.#known.get(path)?.generation !== this.#generation);
    this.#next();
  }

  #next(): void {
    while (this.#asking < AT_ONCE && session.isOpen) {
      const path = this.#wanted.shift();
      if (path === undefined) return;
      void this.#ask(path);
    }
  }

  async #ask(path: string): Promise<void> {
    this.#asking++;
    const generation = this.#generation;
    try {
      const answer = judge(await session.peer.whereabouts(path));
      if (this.#known.size >= KEPT) this.#known.clear();
      this.#known.set(path, { answer, generation });
      this.changed();
    } catch {
      // Without an answer nothing new is claimed.
    }
    this.#asking--;
    this.#next();
  }

  #askAgain(): void {
    this.#soon ??= window.setTimeout(() => {
      this.#soon = undefined;
      this.#generation++;
      this.want(this.#shown);
    }, PAUSE);
  }
}

/** Counts lasting copies of the part that has the fewest. Copies in tabs do not count. */
export function judge({ blocks, holders }: Whereabouts): FileSafety {
  const nodes = holders.filter(({ kind }) => kind === "node");
  const held = nodes.reduce((sum, node) => sum + node.blocks, 0);
  const isSomethingAlone = holders.some(({ alone }) => alone > 0);
  const { nodes: ofVault = 0, copies: agreed } = health.status ?? {};
  const safeAt = agreed?.safeAt ?? Math.max(1, Math.min(2, ofVault));
  const wanted = agreed?.wanted ?? Math.max(1, Math.min(3, ofVault));
  const mean = blocks === 0 ? wanted : Math.floor(held / blocks);
  const durable = isSomethingAlone ? Math.min(mean, 1) : mean;
  const copies = { durable, safeAt, wanted };
  if (ofVault === 0) return { safety: "local", copies };
  return { safety: durable >= safeAt ? "safe" : "at-risk", copies };
}

export const fileCopies = new FileCopies();
