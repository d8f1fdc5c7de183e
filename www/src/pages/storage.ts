// What this browser holds, and what it promised about it.

import type { StorageInfo } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import { failure, notice } from "../components/notice.ts";
import { Part } from "../element.ts";
import { size } from "../format.ts";
import { health } from "../state/health.ts";
import { session } from "../state/session.ts";

const EVERY = 10_000;

class Storage extends Part {
  #info: StorageInfo | undefined;
  #error: unknown;
  #answer: "granted" | "refused" | undefined;

  constructor() {
    super();
    this.watch(health);
    this.every(EVERY, () => void this.#load());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render(): unknown {
    const info = this.#info;
    return html`<div class="sheet">
      <h1>Storage</h1>
      ${failure(this.#error)}
      ${info ? html`${this.#bars(info)} ${this.#promise(info)} ${this.#room(info)}` : html`<p class="soft" role="status">Counting…</p>`}
    </div>`;
  }

  #bars({ mine, others, limit, usage, quota }: StorageInfo): TemplateResult {
    return html`<section aria-label="What this browser holds">
      ${this.#bar("Mine", "what this device added or read", mine, limit)}
      ${this.#bar("For others", "copies kept for your other devices", others, limit)}
      <p class="soft small figures">
        Of all that this site stores, the browser counts
        ${size(usage)}${quota > 0 ? html`, and would let it have ${size(quota)}` : nothing}.
      </p>
    </section>`;
  }

  #bar(name: string, what: string, used: number, limit: number): TemplateResult {
    return html`<div class="bar-line">
      <div class="row">
        <h2>${name}</h2>
        <span class="soft small grow">${what}</span>
        <span class="figures">${size(used)} <span class="soft">of ${size(limit)}</span></span>
      </div>
      <progress aria-label="${name}: ${size(used)} of ${size(limit)}" max="1" value=${limit > 0 ? Math.min(1, used / limit) : 0}></progress>
    </div>`;
  }

  #promise({ persisted, ephemeral }: StorageInfo): TemplateResult {
    const hasNodes = (health.status?.nodes ?? 0) > 0;
    const lost = hasNodes
      ? "What is safe on nodes stays there, and the 24 words open it again."
      : "No node is connected, so the files would be gone for good. Connect one on the network page.";
    return html`<section aria-label="What the browser promised">
      <h2>${persisted ? "The browser keeps it" : "The browser may clear it"}</h2>
      ${ephemeral ? notice("care", "This seems to be a private window.", "What is stored here goes away with it.") : nothing}
      <p>
        ${
          persisted
            ? "It promised to keep what this site stores until you clear it yourself."
            : "It made no promise: when the disk fills up, or after weeks without a visit, it may clear what this site stores, all at once."
        }
        ${lost}
      </p>
      ${
        persisted
          ? nothing
          : html`<button @click=${this.#persist}>Ask for lasting storage</button>
              <p role="status">
                ${
                  this.#answer === "refused"
                    ? "The browser said no, without asking you. Some say yes once you visit more often, or add the page to the home screen."
                    : nothing
                }
              </p>`
      }
    </section>`;
  }

  #room({ limit, mine, others }: StorageInfo): TemplateResult {
    return html`<section aria-label="Room">
      <h2>Room</h2>
      <p>
        At ${size(limit)} room is made by itself: copies that are safe on nodes leave first, and are fetched again when somebody opens them.
        What is only on this device never leaves. ${mine + others > limit * 0.9 ? "It is nearly full now." : nothing}
      </p>
    </section>`;
  }

  async #load(): Promise<void> {
    try {
      this.#info = await session.peer.storage();
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }

  #persist = async (): Promise<void> => {
    try {
      this.#answer = (await session.peer.persist()) ? "granted" : "refused";
    } catch (error) {
      this.#error = error;
    }
    await this.#load();
  };
}

customElements.define("cachette-storage", Storage);
