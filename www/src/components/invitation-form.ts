// Connects a node: takes the invitation that the node's operator gave, and says how it went.

import type { NodeInfo } from "cachette";
import { html, nothing } from "lit";

import { Part } from "../element.ts";
import { route } from "../route.ts";
import { session } from "../state/session.ts";
import { failure } from "./notice.ts";

/** Tells the page around it with `joined` when a node took the invitation. */
class InvitationForm extends Part {
  #busy = false;
  #error: unknown;
  #joined: NodeInfo | undefined;

  protected override render(): unknown {
    return html`<form class="stack" @submit=${this.#submit}>
      <div class="field">
        <label for="invitation">Invitation</label>
        <textarea
          id="invitation"
          rows="3"
          class="mono"
          spellcheck="false"
          autocomplete="off"
          placeholder="cachette-invite-…"
          aria-describedby="invitation-help"
          .value=${route.invitation ?? ""}
        ></textarea>
        <p id="invitation-help" class="soft small">Whoever runs a node makes one with <code>cachette invite</code>.</p>
      </div>
      ${failure(this.#error)}
      <p role="status">${this.#joined ? html`<strong>${this.#joined.name}</strong> now keeps copies for this vault.` : nothing}</p>
      <button class="meant" ?disabled=${this.#busy}>${this.#busy ? "Connecting…" : "Connect the node"}</button>
    </form>`;
  }

  #submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const field = this.find<HTMLTextAreaElement>("textarea");
    const invitation = field?.value.replace(/\s+/g, "") ?? "";
    if (!invitation || this.#busy) return;
    this.#busy = true;
    this.#error = undefined;
    this.requestUpdate();
    try {
      this.#joined = await session.peer.join(invitation);
      if (field) field.value = "";
      this.dispatchEvent(new CustomEvent("joined", { bubbles: true, detail: this.#joined }));
    } catch (error) {
      this.#error = error;
    }
    this.#busy = false;
    this.requestUpdate();
  };
}

customElements.define("cachette-invitation-form", InvitationForm);
