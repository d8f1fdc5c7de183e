// Makes a link of a file or folder and hands it over, with the truth about who can use it.

import type { ShareLink } from "cachette";
import { html } from "lit";

import { Part } from "../element.ts";
import { title } from "../paths.ts";
import { session } from "../state/session.ts";
import "./copy.ts";
import { ask } from "./dialog.ts";
import { failure } from "./notice.ts";

class Share extends Part {
  static override properties = { path: {} };
  declare path: string;
  #link: ShareLink | undefined;
  #error: unknown;

  constructor() {
    super();
    this.path = "";
  }

  protected override firstUpdated(): void {
    void this.#make();
  }

  protected override render(): unknown {
    if (this.#error !== undefined) return failure(this.#error);
    if (!this.#link) return html`<p role="status" class="soft">Making the link…</p>`;
    const url = this.#link.url();
    return html`<div class="stack">
      <div class="field">
        <label for="link">Link</label>
        <input id="link" class="mono" readonly .value=${url} @focus=${(event: FocusEvent) => (event.target as HTMLInputElement).select()} />
      </div>
      <p class="soft">
        Anyone with this link can read it, as it is now, until you withdraw the link on the links page. It opens in any browser, without an
        account; with <code>cachette get LINK</code> in a terminal.
      </p>
      <cachette-copy .text=${url} .label=${"Copy link"}></cachette-copy>
    </div>`;
  }

  async #make(): Promise<void> {
    try {
      this.#link = await session.peer.share(this.path);
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }
}

customElements.define("cachette-share", Share);

/** Makes a link and shows it. */
export function shareDialog(path: string): Promise<unknown> {
  return ask(
    `Link to ${title(path)}`,
    (answer) =>
      html`<div class="stack">
        <h2>Link to “${title(path)}”</h2>
        <cachette-share .path=${path}></cachette-share>
        <div class="actions"><button @click=${() => answer(undefined)}>Close</button></div>
      </div>`,
  );
}
