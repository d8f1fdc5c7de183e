// What happened since the page was opened, in words, newest first.

import type { PeerEvent } from "cachette";

import { Source } from "../element.ts";
import { counted, size } from "../format.ts";
import { session } from "./session.ts";

export interface Happening {
  readonly at: number;
  readonly words: string;
  readonly weight: "plain" | "care" | "risk";
}

const KEPT = 200;
/** Reports of progress that come this close after one another are one line. */
const TOGETHER = 10_000;

class Activity extends Source {
  #happenings: Happening[] = [];
  readonly #names = new Map<string, string>();

  constructor() {
    super();
    session.onEvent((event) => void this.#take(event));
  }

  get happenings(): readonly Happening[] {
    return this.#happenings;
  }

  async #take(event: PeerEvent): Promise<void> {
    const now = Date.now();
    if ("peer" in event && !this.#names.has(event.peer)) await this.#learn(event);
    const said = this.#words(event);
    if (!said) return;
    const [words, weight] = said;
    const [last] = this.#happenings;
    const isMore = event.type === "placed" && last !== undefined && last.words.startsWith(PLACED) && now - last.at < TOGETHER;
    const before = isMore ? this.#happenings.slice(1) : this.#happenings;
    this.#happenings = [{ at: isMore ? last.at : now, words, weight }, ...before].slice(0, KEPT);
    this.changed();
  }

  #words(event: PeerEvent): [string, Happening["weight"]] | undefined {
    switch (event.type) {
      case "peer-up":
        return [`${this.#name(event)} answers.`, "plain"];
      case "peer-down":
        return [`${this.#name(event)} does not answer any more${event.reason ? ` (${event.reason})` : ""}.`, "care"];
      case "placed":
        if (event.bytes === 0) return undefined;
        return [
          `${PLACED} ${size(event.bytes)}; ${event.waiting === 0 ? "nothing waits" : `${counted(event.waiting, "part")} on the way`}.`,
          "plain",
        ];
      case "changed":
        return ["Files changed.", "plain"];
      case "alarm":
        return [event.message, "risk"];
      case "storage-full":
        return ["This browser gives no more room. What is on nodes stays there.", "care"];
      case "evicted":
        return [`${counted(event.blocks, "copy", "copies")} that are safe elsewhere made room.`, "plain"];
      case "leader":
        return [event.leading ? "This tab works for all tabs of this site." : "Another tab works for this one.", "plain"];
      case "interrupted":
        return [`The work was cut off and goes on: ${event.message}.`, "care"];
      case "missed":
      case "locked":
        return undefined;
    }
  }

  /** Learns what peers are called: the event knows it only sometimes. */
  async #learn({ peer, name }: { peer: string; name?: string | undefined }): Promise<void> {
    if (name) this.#names.set(peer, name);
    else for (const node of await session.peer.nodes().catch(() => [])) this.#names.set(node.peer, node.name);
  }

  #name({ peer, name }: { peer: string; name?: string | undefined }): string {
    return name ?? this.#names.get(peer) ?? `Peer ${peer.slice(0, 8)}`;
  }
}

const PLACED = "Nodes took";

export const activity = new Activity();
