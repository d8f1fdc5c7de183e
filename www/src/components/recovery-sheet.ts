// The recovery sheet: the words, the addresses of the nodes, and ways to get both onto paper.

import { html, nothing, type TemplateResult } from "lit";

import { Part } from "../element.ts";
import { icon } from "../icons.ts";
import { preferences } from "../state/preferences.ts";

class RecoverySheet extends Part {
  static override properties = { words: {}, nodes: { attribute: false } };
  declare words: string;
  declare nodes: readonly string[];

  constructor() {
    super();
    this.words = "";
    this.nodes = [];
  }

  protected override render(): unknown {
    return html`<div class="recovery-sheet stack">
      <h2 class="only-print">Cachette: recovery sheet of “${preferences.vault}”</h2>
      <ol class="words" aria-label="The 24 recovery words">
        ${this.words.split(" ").map((word, index) => html`<li><span class="number">${index + 1}</span> <span>${word}</span></li>`)}
      </ol>
      ${this.#addresses()}
      <p class="only-print">
        Whoever has these words can read and change everything in the vault. Nobody can make them again. To use them, open the web page of
        any Cachette node, choose “Restore a vault”, and type the words and one of the addresses.
      </p>
      <div class="row no-print">
        <button type="button" @click=${() => window.print()}>${icon("print")}Print</button>
        <button type="button" @click=${this.#save}>${icon("download")}Save as a file</button>
      </div>
    </div>`;
  }

  #addresses(): TemplateResult | typeof nothing {
    if (this.nodes.length === 0) return nothing;
    return html`<div class="stack-tight">
      <h3>Addresses of the nodes</h3>
      <ul>
        ${this.nodes.map((address) => html`<li class="mono">${address}</li>`)}
      </ul>
    </div>`;
  }

  #save = (): void => {
    const words = this.words.split(" ").map((word, index) => `${String(index + 1).padStart(2)} ${word}`);
    const lines = [
      `Cachette: recovery sheet of "${preferences.vault}"`,
      "",
      ...words,
      "",
      "Nodes:",
      ...(this.nodes.length ? this.nodes : ["(none yet)"]),
      "",
    ];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n")], { type: "text/plain" }));
    link.download = "cachette-recovery-sheet.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  };
}

customElements.define("cachette-recovery-sheet", RecoverySheet);
