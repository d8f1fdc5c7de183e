// A still picture of the vault and its peers: this tab above, nodes by zone below. A line's weight is the traffic now; with a file chosen,
// whoever has a copy of it is filled.

import type { Holder } from "cachette";
import { html, nothing, svg, type SVGTemplateResult } from "lit";

import { Part } from "../element.ts";
import type { LivePeer } from "../state/network.ts";

const WIDTH = 360;
/** Room for the names of zones. */
const LEFT = 84;
const MIDDLE = LEFT + (WIDTH - LEFT) / 2;
const TOP = 44;
const ROW = 84;
const COLUMNS = 5;
/** Width of a letter, about. */
const LETTER = 7.5;
/** What reacts to a pointer is larger than what is drawn. */
const REACH = 54;
/** Room for a peer's name. */
const ROOM = 72;

interface Place {
  readonly peer: LivePeer;
  readonly x: number;
  readonly y: number;
}

interface Zone {
  readonly name: string;
  readonly y: number;
  readonly places: Place[];
}

/** Tells with `point` which peer is pointed at, if any. */
class PeerPicture extends Part {
  static override properties = { peers: { attribute: false }, holders: { attribute: false }, blocks: { type: Number }, pointed: {} };
  declare peers: readonly LivePeer[];
  /** Who holds the file that was chosen; nobody was chosen if it is not there. */
  declare holders: readonly Holder[] | undefined;
  declare blocks: number;
  declare pointed: string | undefined;

  constructor() {
    super();
    this.peers = [];
    this.holders = undefined;
    this.blocks = 0;
    this.pointed = undefined;
  }

  protected override render(): unknown {
    const zones = lay(this.peers);
    const height = Math.max(TOP, ...zones.flatMap((zone) => zone.places.map(({ y }) => y))) + 48;
    const places = zones.flatMap((zone) => zone.places);
    return html`<figure>
      <svg class="picture" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label=${this.#words()}>
        ${places.map((place) => this.#line(place))}
        ${svg`<rect class="me" x=${MIDDLE - 46} y="12" width="92" height="34" rx="6"/>
          <text class="name" x=${MIDDLE} y="34">this tab</text>`}
        ${zones.map((zone) => svg`<text class="zone" x="0" y=${zone.y + 4}>${shorten(zone.name, LEFT)}</text>`)}
        ${places.map((place) => this.#peer(place))}
      </svg>
    </figure>`;
  }

  #line({ peer, x, y }: Place): SVGTemplateResult {
    // From a hairline when nothing moves to 7 units at 100 MiB/s.
    const weight = peer.state === "down" ? 1 : 1 + Math.min(6, Math.log2(1 + peer.rate / 16_384) / 2);
    return svg`<path class="line ${peer.state}" stroke-width=${weight.toFixed(1)} d="M${MIDDLE} 46C${MIDDLE} 74 ${x} 64 ${x} 100V${y - 13}"/>`;
  }

  #peer({ peer, x, y }: Place): SVGTemplateResult {
    const holder = this.holders?.find((holder) => holder.peer === peer.peer);
    const has = this.holders === undefined ? "" : holder && holder.blocks > 0 ? "has" : "lacks";
    const isPointed = this.pointed === peer.peer ? "pointed" : "";
    const shape =
      peer.kind === "node"
        ? svg`<rect x=${x - 11} y=${y - 13} width="22" height="11" rx="2"/><rect x=${x - 11} y=${y} width="22" height="11" rx="2"/>`
        : svg`<rect x=${x - 14} y=${y - 11} width="28" height="22" rx="3"/>`;
    const parts =
      holder && holder.blocks > 0 && holder.blocks < this.blocks
        ? svg`<text class="parts" x=${x} y=${y + 43}>a part of it</text>`
        : nothing;
    return svg`<g class="peer ${peer.state} ${has} ${isPointed}"
        @pointerenter=${() => this.#point(peer.peer)} @pointerleave=${() => this.#point(undefined)}>
      <rect class="reach" x=${x - REACH / 2} y=${y - 24} width=${REACH} height="62"/>
      ${shape}
      <text class="name" x=${x} y=${y + 28}>${shorten(peer.name, ROOM)}</text>${parts}
    </g>`;
  }

  /** What the picture shows, for those who do not see it; the list beside it says the rest. */
  #words(): string {
    const up = this.peers.filter(({ state }) => state === "up").length;
    return `This tab and ${this.peers.length} peers, ${up} of which answer. The list has the details.`;
  }

  #point(peer: string | undefined): void {
    this.dispatchEvent(new CustomEvent("point", { detail: peer }));
  }
}

customElements.define("cachette-peer-picture", PeerPicture);

/** Gives every peer a place: a row for every zone, and as far as they fit a column for every peer, so that lines do not hide each other. */
function lay(peers: readonly LivePeer[]): Zone[] {
  const groups = new Map<string, LivePeer[]>();
  for (const peer of peers) {
    const name = peer.kind === "tab" ? "other tabs" : peer.zone || "no zone";
    groups.set(name, [...(groups.get(name) ?? []), peer]);
  }
  const names = [...groups.keys()].sort((a, b) => Number(a === "other tabs") - Number(b === "other tabs") || a.localeCompare(b));
  const columns = Math.min(COLUMNS, Math.max(1, peers.length));
  const slot = (WIDTH - LEFT) / columns;
  let column = 0;
  let y = TOP + 64;
  return names.map((name) => {
    const top = y;
    let row = 0;
    const places = (groups.get(name) ?? []).map((peer, index) => {
      if (column === columns) {
        column = 0;
        if (index > 0) row++;
      }
      return { peer, x: LEFT + (column++ + 0.5) * slot, y: top + row * ROW };
    });
    y = top + (row + 1) * ROW;
    return { name, y: top, places };
  });
}

/** Keeps a name within the room that it has. */
function shorten(name: string, room: number): string {
  const letters = Math.floor(room / LETTER);
  return name.length > letters ? `${name.slice(0, letters - 1)}…` : name;
}
