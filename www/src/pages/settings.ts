// The vault, this device and its password, the nodes, the number of copies, and how the app looks.

import { type NodeInfo, Peer } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import { choose } from "../components/dialog.ts";
import "../components/invitation-form.ts";
import { failure, notice } from "../components/notice.ts";
import { showKeys } from "../components/keys-help.ts";
import { Part } from "../element.ts";
import { counted } from "../format.ts";
import { icon } from "../icons.ts";
import { health } from "../state/health.ts";
import { preferences, type Theme } from "../state/preferences.ts";
import { session } from "../state/session.ts";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];
const COPIES_MAX = 5;

class Settings extends Part {
  #nodes: readonly NodeInfo[] = [];
  #hasPassword: boolean | undefined;
  #error: unknown;
  #passwordError: unknown;
  #said = "";

  constructor() {
    super();
    this.watch(preferences, health);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  protected override render(): unknown {
    if (!session.isOpen) return nothing;
    return html`<div class="sheet">
      <h1>Settings</h1>
      ${failure(this.#error)}
      <p class="unseen" role="status">${this.#said}</p>
      ${this.#vault()} ${this.#recovery()} ${this.#password()} ${this.#nodeList()} ${this.#copies()} ${this.#looks()} ${this.#device()}
    </div>`;
  }

  #vault(): TemplateResult {
    return html`<section aria-label="Vault">
      <h2>Vault</h2>
      <div class="field narrow">
        <label for="name">Name</label>
        <input
          id="name"
          maxlength="60"
          autocomplete="off"
          .value=${preferences.vault}
          @change=${(event: Event) => preferences.set({ vault: (event.target as HTMLInputElement).value.trim() })}
        />
        <p class="soft small">Only this browser knows the name.</p>
      </div>
    </section>`;
  }

  #recovery(): TemplateResult {
    const addresses = this.#nodes.flatMap((node) => node.addresses.map((address) => `${address}/#${node.peer}`));
    return html`<section aria-label="Recovery sheet">
      <h2>Recovery sheet</h2>
      ${
        preferences.confirmed
          ? nothing
          : notice(
              "care",
              "The words of this vault were never asked back.",
              "They were shown once, when the vault was made, and cannot be shown again. If you have no sheet, make a new vault and move the files there.",
            )
      }
      <p>The 24 words were shown when the vault was made. Nobody has them but your sheet; these addresses belong under them:</p>
      ${
        addresses.length > 0
          ? html`<ul>
              ${addresses.map((address) => html`<li class="mono">${address}</li>`)}
            </ul>`
          : html`<p class="soft">No node is connected yet.</p>`
      }
    </section>`;
  }

  #password(): TemplateResult {
    return html`<section aria-label="Password">
      <h2>Password</h2>
      <p>
        ${
          this.#hasPassword
            ? "This browser asks for it after the vault was locked. It protects the keys on this device only, and nobody can reset it."
            : "Without one, whoever uses this browser opens the vault. A password protects the keys on this device only."
        }
      </p>
      <form class="stack narrow" @submit=${this.#setPassword}>
        ${
          this.#hasPassword
            ? html`<div class="field">
                <label for="old">Password now</label>
                <input id="old" type="password" autocomplete="current-password" required />
              </div>`
            : nothing
        }
        <div class="field">
          <label for="new">${this.#hasPassword ? "New password; empty for none" : "Password"}</label>
          <input id="new" type="password" autocomplete="new-password" ?required=${!this.#hasPassword} />
        </div>
        ${failure(this.#passwordError)}
        <div class="row">
          <button>${this.#hasPassword ? "Change it" : "Set the password"}</button>
          ${this.#hasPassword ? html`<button type="button" @click=${this.#lock}>${icon("lock")}Lock now</button>` : nothing}
        </div>
      </form>
    </section>`;
  }

  #nodeList(): TemplateResult {
    return html`<section aria-label="Nodes">
      <h2>Nodes</h2>
      ${
        this.#nodes.length > 0
          ? html`<ul class="lines">
              ${this.#nodes.map(
                (node) =>
                  html`<li>
                    ${icon("node")}
                    <div class="grow">
                      <strong>${node.name}</strong>${node.zone ? html` <span class="soft">in ${node.zone}</span>` : nothing}
                      ${node.draining ? html` <span class="soft">gives its copies away</span>` : nothing}
                      <div class="soft small mono">${node.addresses.join(", ")}</div>
                    </div>
                  </li>`,
              )}
            </ul>`
          : html`<p>No node is connected: files stay in this browser only, and it may clear them.</p>`
      }
      <cachette-invitation-form class="narrow" @joined=${() => this.#load()}></cachette-invitation-form>
    </section>`;
  }

  #copies(): TemplateResult {
    const wanted = health.status?.copies?.wanted ?? 3;
    return html`<section aria-label="Copies">
      <h2>Copies</h2>
      <div class="field narrow">
        <label for="copies">Of every file, as long as there are enough nodes</label>
        <select id="copies" @change=${this.#setCopies}>
          ${Array.from({ length: COPIES_MAX }, (_, index) => index + 1).map(
            (number) => html`<option value=${number} ?selected=${number === wanted}>${counted(number, "copy", "copies")}</option>`,
          )}
        </select>
      </div>
    </section>`;
  }

  #looks(): TemplateResult {
    return html`<section aria-label="Looks">
      <h2 id="theme">Looks</h2>
      <div class="row" role="radiogroup" aria-labelledby="theme">
        ${THEMES.map(
          ([theme, words]) =>
            html`<label class="choice">
              <input
                type="radio"
                name="theme"
                .checked=${preferences.theme === theme}
                @change=${() => preferences.set({ theme })}
              />${words}
            </label>`,
        )}
      </div>
      <p><button @click=${() => showKeys()}>${icon("keys")}List of keys</button></p>
    </section>`;
  }

  #device(): TemplateResult {
    return html`<section aria-label="This device">
      <h2>This device</h2>
      <p>Vault <code>${session.peer.vault}</code><br />Device <code>${session.peer.id}</code></p>
      <p>
        Removing the vault from this browser deletes its keys and what this browser stores of it. Nodes keep theirs, and the 24 words open
        it again.
      </p>
      <button class="danger" @click=${this.#erase}>Remove the vault from this browser</button>
    </section>`;
  }

  async #load(): Promise<void> {
    await this.#attempt(async () => {
      this.#nodes = await session.peer.nodes();
      this.#hasPassword = await hasPassword();
    });
  }

  #setPassword = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const value = (id: string): string => form.querySelector<HTMLInputElement>(id)?.value ?? "";
    this.#passwordError = undefined;
    try {
      await session.peer.setPassword(value("#new") || undefined, this.#hasPassword ? value("#old") : undefined);
      form.reset();
      this.#said = "The password was changed.";
    } catch (error) {
      this.#passwordError = error;
    }
    await this.#load();
  };

  #lock = (): Promise<void> => this.#attempt(() => session.lock());

  #setCopies = (event: Event): Promise<void> =>
    this.#attempt(async () => {
      await session.peer.setReplicas(Number((event.target as HTMLSelectElement).value));
      this.#said = "The number of copies was changed.";
    });

  #erase = async (): Promise<void> => {
    const onNodes = (health.status?.nodes ?? 0) > 0;
    const text = onNodes
      ? "Have the recovery sheet at hand: without it nobody can open the vault again."
      : "No node is connected, so everything in it is lost for good.";
    const way = await choose(`Remove “${preferences.vault}” from this browser?`, text, [
      { value: "remove", words: "Remove it", danger: true },
    ]);
    if (way) await this.#attempt(() => session.erase());
  };

  async #attempt(work: () => Promise<void>): Promise<void> {
    this.#error = undefined;
    try {
      await work();
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }
}

/** Says whether this browser has to ask for a password at some time. */
async function hasPassword(): Promise<boolean> {
  return (await Peer.state()) === "locked";
}

customElements.define("cachette-settings", Settings);
