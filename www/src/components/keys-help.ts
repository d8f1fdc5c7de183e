// The list of keys, which `?` shows everywhere.

import { html } from "lit";

import { Part } from "../element.ts";
import { PLACES, route } from "../route.ts";
import { ask } from "./dialog.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["1 … 5", "Files, Network, Links, Storage, Settings"],
  ["/", "Search in this folder"],
  ["↑ ↓", "Move; with Shift, select"],
  ["Enter", "Open"],
  ["Space", "Look at a file, and back"],
  ["Backspace", "One folder up"],
  ["Ctrl A", "Select everything"],
  ["Ctrl Space", "Select or leave out one"],
  ["F2", "Rename"],
  ["Shift M", "Move"],
  ["Del", "Delete; 10 seconds to undo"],
  ["Shift N", "New folder"],
  ["← →", "In the viewer: the file before and after"],
  ["Esc", "Close, or select nothing"],
];

class Keys extends Part {
  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#key);
  }

  protected override render(): unknown {
    return html``;
  }

  #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || document.querySelector("dialog[open]")) return;
    const place = PLACES[Number(event.key) - 1];
    if (event.key === "?") void showKeys();
    else if (place) route.go(place);
    else return;
    event.preventDefault();
  };
}

/** Says whether a key is meant for a field. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return target instanceof HTMLElement && (target.matches("input:not([type=checkbox]), textarea, select") || target.isContentEditable);
}

export function showKeys(): Promise<unknown> {
  return ask(
    "Keys",
    (answer) =>
      html`<div class="stack">
        <h2>Keys</h2>
        <dl class="keys">
          ${KEYS.map(
            ([key, what]) =>
              html`<div>
                <dt><kbd>${key}</kbd></dt>
                <dd>${what}</dd>
              </div>`,
          )}
        </dl>
        <div class="actions"><button autofocus @click=${() => answer(undefined)}>Close</button></div>
      </div>`,
  );
}

customElements.define("cachette-keys", Keys);
