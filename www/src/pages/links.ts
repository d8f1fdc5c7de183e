// What is shared by links, and how to take it back.

import type { ShareInfo } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import { choose } from "../components/dialog.ts";
import { failure } from "../components/notice.ts";
import { askFile } from "../components/picker.ts";
import { shareDialog } from "../components/share-dialog.ts";
import { Part } from "../element.ts";
import { exact, when } from "../format.ts";
import { icon } from "../icons.ts";
import { title, parent } from "../paths.ts";
import { session } from "../state/session.ts";

class Links extends Part {
  #shares: ShareInfo[] | undefined;
  #error: unknown;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render(): unknown {
    return html`<div class="sheet">
      <h1>Links</h1>
      <p>
        Anyone who has a link can read what it leads to, without an account. Nodes do not learn what is behind a link, so how often one was
        opened is not known either.
      </p>
      ${failure(this.#error)} ${this.#list()}
    </div>`;
  }

  #list(): TemplateResult | typeof nothing {
    if (!this.#shares) return this.#error === undefined ? html`<p class="soft" role="status">Reading…</p>` : nothing;
    if (this.#shares.length === 0) {
      return html`<div class="empty">
        <h2>Nothing is shared</h2>
        <p>Select a file or a folder and choose “Copy link”.</p>
        <button @click=${this.#share}>${icon("links")}Share a file</button>
      </div>`;
    }
    return html`<ul class="lines">
      ${this.#shares.map(
        (share) =>
          html`<li>
            ${icon("links")}
            <div class="grow">
              <strong title=${share.path}>${title(share.path) || "All files"}</strong>
              <div class="soft small">
                in ${parent(share.path) === "/" ? "All files" : parent(share.path)}, shared
                <span title=${exact(share.created)}>${when(share.created)}</span>
              </div>
            </div>
            <button class="danger" aria-label="Withdraw the link to ${title(share.path)}" @click=${() => this.#withdraw(share)}>
              Withdraw
            </button>
          </li>`,
      )}
    </ul>`;
  }

  async #load(): Promise<void> {
    try {
      this.#shares = (await session.peer.shares()).toSorted((a, b) => b.created - a.created);
      this.#error = undefined;
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }

  #share = async (): Promise<void> => {
    const file = await askFile("Share a file", "/");
    if (!file) return;
    await shareDialog(file.path);
    await this.#load();
  };

  async #withdraw(share: ShareInfo): Promise<void> {
    const text = "Nodes stop serving it. Whoever opened it before may have kept a copy.";
    const way = await choose(`Withdraw the link to “${title(share.path)}”?`, text, [
      { value: "withdraw", words: "Withdraw", danger: true },
    ]);
    if (!way) return;
    try {
      await session.peer.withdraw(share.id);
    } catch (error) {
      this.#error = error;
    }
    await this.#load();
  }
}

customElements.define("cachette-links", Links);
