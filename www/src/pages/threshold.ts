// What stands before a vault that exists: opening, locked, no secure way here, or out of order.

import { html, type TemplateResult } from "lit";

import { failure } from "../components/notice.ts";
import { Part } from "../element.ts";
import { icon } from "../icons.ts";
import { preferences } from "../state/preferences.ts";
import { session } from "../state/session.ts";
import { trouble } from "../trouble.ts";

class Threshold extends Part {
  #busy = false;
  #error: unknown;

  constructor() {
    super();
    this.watch(session);
  }

  protected override render(): unknown {
    return html`<main class="welcome"><div>${this.#content()}</div></main>`;
  }

  #content(): TemplateResult {
    const { phase } = session;
    switch (phase.at) {
      case "insecure":
        return this.#insecure();
      case "locked":
        return this.#locked();
      case "failed":
        return this.#failed(phase.error);
      default:
        return html`<h1 class="unseen">Cachette</h1>
          <p class="soft" role="status">Opening the vault…</p>`;
    }
  }

  #insecure(): TemplateResult {
    return html`<div class="mark">${icon("vault")} Cachette</div>
      <h1>This connection is not protected</h1>
      <p>
        The page came over plain HTTP from another machine. Somebody on the way could have changed it, so your browser gives it neither
        ciphers nor storage, and no vault can be opened here.
      </p>
      <p>Whoever runs this node can do one of these:</p>
      <ul class="stack-tight">
        <li>serve it over HTTPS: <code>cachette serve --tls-cert FILE --tls-key FILE</code></li>
        <li>put a proxy with HTTPS in front of it and name it: <code>--public-address wss://NAME</code></li>
        <li>on the node's own machine, open <code>http://localhost:${location.port || "80"}</code></li>
      </ul>`;
  }

  #locked(): TemplateResult {
    return html`<div class="mark">${icon("lock")} Cachette</div>
      <h1>${preferences.vault} is locked</h1>
      <form class="stack" @submit=${this.#unlock}>
        <div class="field">
          <label for="password">Password</label>
          <input id="password" type="password" autocomplete="current-password" autofocus required />
        </div>
        ${failure(this.#error)}
        <button class="meant" ?disabled=${this.#busy}>${this.#busy ? "Unlocking…" : "Unlock"}</button>
      </form>
      <p class="or soft">
        The password is for this browser only. If it is forgotten, the 24 words of the recovery sheet open the vault in another browser or
        profile.
      </p>`;
  }

  #failed(error: unknown): TemplateResult {
    const { what, advice } = trouble(error);
    return html`<div class="mark">${icon("vault")} Cachette</div>
      <h1>The vault did not open</h1>
      <p role="alert">${what} ${advice}</p>
      <p class="soft">What nodes keep is not touched by this.</p>
      <button class="meant" @click=${() => location.reload()}>Reload the page</button>`;
  }

  #unlock = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const field = this.find<HTMLInputElement>("#password");
    if (!field?.value || this.#busy) return;
    this.#busy = true;
    this.#error = undefined;
    this.requestUpdate();
    try {
      await session.unlock(field.value);
    } catch (error) {
      this.#error = error;
      field.select();
    }
    this.#busy = false;
    this.requestUpdate();
  };
}

customElements.define("cachette-threshold", Threshold);
