// What happened since the page was opened, in words, newest first.

import type { PeerEvent } from "cachette";

import { Source } from "../element.ts";
import { counted, size } from "../format.ts";
import { session } from "./session.ts";

export interface Happening {
  readonly at: number;
  /** The peer that the words are about; its name may be learnt later. */
  readonly peer: string | undefined;
  readonly words: string;
  readonly weight: "plain" | "care" | "risk";
  readonly type: PeerEvent["type"];
}

const KEPT = 200;
/** Reports of progress that come this close after one another are one line. */
const TOGETHER = 10_000;

class Activity extends Source {
  #happenings: Happening[] = [];

  constructor() {
    super();
    session.onEvent((event) => this.#take(event));
  }

  get happenings(): readonly Happening[] {
    return this.#happenings;
  }

  #take(event: PeerEvent): void {
    const now = Date.now();
    const said = this.#words(event);
    if (!said) return;
    const [words, weight] = said;
    const [last] = this.#happenings;
    const isMore = event.type === "placed" && last?.type === "placed" && now - last.at < TOGETHER;
    const before = isMore ? this.#happenings.slice(1) : this.#happenings;
    const peer = "peer" in event ? event.peer : undefined;
    this.#happenings = [{ at: isMore ? last.at : now, type: event.type, peer, words, weight }, ...before].slice(0, KEPT);
    this.changed();
  }

  #words(event: PeerEvent): [string, Happening["weight"]] | undefined {
    switch (event.type) {
      case "peer-up":
        return ["answers.", "plain"];
      case "peer-down":
        return [`does not answer any more${event.reason ? ` (${event.reason})` : ""}.`, "care"];
      case "placed":
        if (event.waiting === 0) return ["All copies are made.", "plain"];
        return [`${counted(event.waiting, "part")}, ${size(event.bytes)}, on the way to nodes.`, "plain"];
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
}

export const activity = new Activity();
