// Puts text on the clipboard and says so where the button was.

import { html } from "lit";

import { Part } from "../element.ts";
import { icon } from "../icons.ts";

const SAID_FOR = 2_500;

class CopyButton extends Part {
  static override properties = { text: {}, label: {} };
  declare text: string;
  declare label: string;
  #said: "copied" | "refused" | undefined;

  constructor() {
    super();
    this.text = "";
    this.label = "Copy";
  }

  protected override render(): unknown {
    const words = this.#said === "copied" ? "Copied" : this.#said === "refused" ? "Select it and copy by hand" : this.label;
    return html`<button type="button" @click=${this.#copy}>
      ${icon(this.#said === "copied" ? "check" : "copy")}<span aria-live="polite">${words}</span>
    </button>`;
  }

  #copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(this.text);
      this.#said = "copied";
    } catch {
      this.#said = "refused";
    }
    this.requestUpdate();
    window.setTimeout(() => {
      this.#said = undefined;
      this.requestUpdate();
    }, SAID_FOR);
  };
}

customElements.define("cachette-copy", CopyButton);
