// Every peer as something that one can look at, where a file's copies lie, and what would be lost with whom.

import type { FileInfo, Holder, Whereabouts } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import "../components/invitation-form.ts";
import { failure } from "../components/notice.ts";
import "../components/peer-picture.ts";
import { askFile } from "../components/picker.ts";
import { safety } from "../components/safety.ts";
import { Part } from "../element.ts";
import { counted, exact, lasting, size, timeOfDay } from "../format.ts";
import { icon } from "../icons.ts";
import { parent, shown } from "../paths.ts";
import { activity } from "../state/activity.ts";
import { judge } from "../state/copies.ts";
import { type LivePeer, Network as Peers } from "../state/network.ts";
import { session } from "../state/session.ts";

const EVERY = 1_000;
const STATES = { up: "answers", suspended: "asleep", down: "does not answer" } as const;

class Network extends Part {
  readonly #network = new Peers();
  /** The file whose copies are shown; everything in the vault if none was chosen. */
  #file: FileInfo | undefined;
  #where: Whereabouts | undefined;
  #whereError: unknown;
  #pointed: string | undefined;
  /** Bytes read so far, while a copy for this device is made. */
  #keeping: number | undefined;

  constructor() {
    super();
    this.watch(this.#network, activity);
    this.every(EVERY, () => void this.#network.look());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#network.look();
  }

  protected override render(): unknown {
    const { peers, isKnown, error } = this.#network;
    return html`<div class="sheet wide">
      <h1>Network</h1>
      ${failure(error)} ${isKnown && peers.every(({ kind }) => kind === "tab") ? this.#alone() : nothing}
      <div class="network">
        <section class="left" aria-label="Picture">
          <cachette-peer-picture
            .peers=${peers}
            .holders=${this.#where?.holders}
            .blocks=${this.#where?.blocks ?? 0}
            .pointed=${this.#pointed}
            @point=${({ detail }: CustomEvent<string | undefined>) => this.#point(detail)}
          ></cachette-peer-picture>
          ${this.#copies()}
        </section>
        <section class="right" aria-label="Peers">${peers.length > 0 ? this.#table(peers) : nothing} ${this.#log()}</section>
      </div>
    </div>`;
  }

  #alone(): TemplateResult {
    return html`<div class="stack narrow">
      <p>No node is connected: files stay in this browser only, and it may clear them. Connect one, better two in different places.</p>
      <cachette-invitation-form @joined=${() => this.#network.look()}></cachette-invitation-form>
    </div>`;
  }

  #copies(): TemplateResult {
    const file = this.#file;
    return html`<div class="stack copies">
      <div class="row">
        <button @click=${this.#choose}>${icon("search")}${file ? "Another file" : "Where are the copies of a file?"}</button>
        ${file ? html`<button class="quiet" @click=${() => this.#show(undefined)}>${icon("close")}None</button>` : nothing}
      </div>
      ${failure(this.#whereError)} ${file ? html`<h2>${shown(file.name)}</h2>` : nothing}
      ${file && this.#where ? this.#whereabouts(file, this.#where) : nothing}
      ${file && !this.#where && this.#whereError === undefined ? html`<p class="soft" role="status">Asking the nodes…</p>` : nothing}
      <p class="lost soft" role="status">${this.#lost()}</p>
    </div>`;
  }

  #whereabouts(file: FileInfo, where: Whereabouts): TemplateResult {
    const known = judge(where);
    const keeping = this.#keeping;
    return html`<p>
        ${safety(known.safety, known.copies)}
        <span class="soft figures">· ${size(where.bytes)} stored in ${counted(where.blocks, "part")}</span>
      </p>
      <ul class="holders figures">
        ${this.#holders(where).map(
          (holder) =>
            html`<li @pointerenter=${() => this.#point(holder.peer)} @pointerleave=${() => this.#point(undefined)}>
              ${icon(holder.kind)}<span class="grow">${this.#name(holder)}</span>
              <span class="soft"
                >${holder.blocks === where.blocks ? "all of it" : `${holder.blocks} of ${counted(where.blocks, "part")}`}</span
              >
            </li>`,
        )}
      </ul>
      ${
        this.#isHere(where)
          ? html`<p role="status" class="soft">This device has a copy of its own.</p>`
          : html`<button ?disabled=${typeof keeping === "number"} @click=${() => this.#keep(file)}>
              ${icon("download")}Keep a copy on this device
            </button>`
      }
      ${typeof keeping === "number" ? html`<progress aria-label="Reading" max=${Math.max(1, file.size)} value=${keeping}></progress>` : nothing}`;
  }

  /** Nodes by name, then tabs. */
  #holders({ holders }: Whereabouts): Holder[] {
    return holders.toSorted((a, b) => a.kind.localeCompare(b.kind) || this.#name(a).localeCompare(this.#name(b)));
  }

  #isHere({ blocks, holders }: Whereabouts): boolean {
    return holders.some((holder) => holder.peer === session.peer.id && holder.blocks === blocks);
  }

  /** What would be lost with the peer that is pointed at. */
  #lost(): string {
    if (!this.#file || !this.#where) return "";
    const holder = this.#where.holders.find(({ peer }) => peer === this.#pointed);
    if (!this.#pointed) return "Point at a peer to see what would be lost with it.";
    const name = holder ? this.#name(holder) : (this.#network.peers.find(({ peer }) => peer === this.#pointed)?.name ?? "It");
    if (!holder || holder.alone === 0) return `If ${name} vanished, nothing of this file would be lost.`;
    return `If ${name} vanished, ${size(holder.alone)} of this file would be lost: nobody else has them.`;
  }

  #table(peers: readonly LivePeer[]): TemplateResult {
    return html`<table class="peers figures">
      <caption class="unseen">
        Peers of the vault
      </caption>
      <thead>
        <tr>
          <th scope="col">Peer</th>
          <th scope="col">State</th>
          <th scope="col">Round trip</th>
          <th scope="col">Holds</th>
          <th scope="col">Sent, received</th>
        </tr>
      </thead>
      <tbody>
        ${peers.map((peer) => this.#row(peer))}
      </tbody>
    </table>`;
  }

  #row(peer: LivePeer): TemplateResult {
    const since =
      peer.since === undefined
        ? nothing
        : html` <span class="soft" title=${exact(peer.since)}>for ${lasting(Date.now() - peer.since)}</span>`;
    const limit = peer.limit === undefined ? nothing : html` <span class="soft">of ${size(peer.limit)}</span>`;
    return html`<tr
      class=${this.#pointed === peer.peer ? "pointed" : ""}
      @pointerenter=${() => this.#point(peer.peer)}
      @pointerleave=${() => this.#point(undefined)}
    >
      <th scope="row">
        <span class="who">${icon(peer.kind)}<span>${peer.name || peer.peer.slice(0, 8)}</span></span>
        <span class="soft small"
          >${peer.kind}${peer.zone ? ` in ${peer.zone}` : ""}${peer.path === "relayed" ? ", through a node" : ""}</span
        >
      </th>
      <td data-label="State">
        <span class="state-${peer.state}">${STATES[peer.state]}</span>${since}
        ${peer.reason ? html`<div class="soft small">${peer.reason}</div>` : nothing}
      </td>
      <td data-label="Round trip">${peer.roundTrip === undefined ? "–" : `${Math.round(peer.roundTrip)} ms`}</td>
      <td data-label="Holds">${peer.used === undefined ? "–" : html`${size(peer.used)}${limit}`}</td>
      <td data-label="Sent, received">
        ${size(peer.sent)},
        <span class="soft">${size(peer.received)}</span>
        ${peer.rate >= 1024 ? html`<div class="soft small">${size(peer.rate)}/s now</div>` : nothing}
      </td>
    </tr>`;
  }

  #log(): TemplateResult {
    const { happenings } = activity;
    return html`<h2>Activity</h2>
      ${happenings.length === 0 ? html`<p class="soft">Nothing happened since this page was opened.</p>` : nothing}
      <div class="log" role="log" tabindex="0" aria-label="Activity">
        <ol>
          ${happenings.map(
            ({ at, peer, words, weight }) =>
              html`<li class=${weight}>
                <time class="soft figures" title=${exact(at)}>${timeOfDay(at)}</time>
                ${peer === undefined ? nothing : html`<strong>${this.#called(peer)}</strong> `}${words}
              </li>`,
          )}
        </ol>
      </div>`;
  }

  /** What a peer is called, as far as that is known. */
  #called(peer: string): string {
    return this.#network.peers.find((other) => other.peer === peer)?.name || `Peer ${peer.slice(0, 8)}`;
  }

  #name(holder: Holder): string {
    if (holder.peer === session.peer.id) return "this device";
    return this.#network.peers.find(({ peer }) => peer === holder.peer)?.name || `${holder.kind} ${holder.peer.slice(0, 8)}`;
  }

  #point(peer: string | undefined): void {
    this.#pointed = peer;
    this.requestUpdate();
  }

  #choose = async (): Promise<void> => {
    const file = await askFile("Where are the copies of…", this.#file ? parent(this.#file.path) : "/");
    if (file) await this.#show(file);
  };

  async #show(file: FileInfo | undefined): Promise<void> {
    this.#file = file;
    this.#where = undefined;
    this.#whereError = undefined;
    this.#keeping = undefined;
    this.requestUpdate();
    if (file) await this.#ask(file);
  }

  async #ask(file: FileInfo): Promise<void> {
    try {
      const where = await session.peer.whereabouts(file.path);
      if (this.#file === file) this.#where = where;
    } catch (error) {
      if (this.#file === file) this.#whereError = error;
    }
    this.requestUpdate();
  }

  async #keep(file: FileInfo): Promise<void> {
    this.#keeping = 0;
    this.requestUpdate();
    try {
      const onProgress = (bytes: number): void => {
        this.#keeping = bytes;
        this.requestUpdate();
      };
      await session.peer.keep(file.path, { onProgress });
    } catch (error) {
      this.#whereError = error;
    }
    this.#keeping = undefined;
    await this.#ask(file);
  }
}

customElements.define("cachette-network", Network);
