// The viewer over the whole window, with the way to the files before and after.

import type { FileInfo } from "cachette";
import { html, nothing } from "lit";

import { Part } from "../element.ts";
import { size } from "../format.ts";
import { icon } from "../icons.ts";
import { shown } from "../paths.ts";
import { type Library, streams } from "../state/streams.ts";
import "./viewer.ts";

/** Tells the page around it with `closed`, whose detail is the path of the last file, and with `share`. */
class ViewerDialog extends Part {
  static override properties = { library: { attribute: false }, files: { attribute: false }, sharing: { type: Boolean } };
  declare library: Library | undefined;
  /** What one can page through. */
  declare files: readonly FileInfo[];
  /** Links can be made of what is shown. */
  declare sharing: boolean;
  #path: string | undefined;

  constructor() {
    super();
    this.library = undefined;
    this.files = [];
    this.sharing = false;
  }

  show(file: FileInfo): void {
    this.#path = file.path;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const dialog = this.find<HTMLDialogElement>("dialog");
      if (dialog && !dialog.open) dialog.showModal();
    });
  }

  protected override render(): unknown {
    const place = this.files.findIndex((file) => file.path === this.#path);
    const file = this.files[place];
    if (!file || !this.library) return nothing;
    const library = this.library;
    return html`<dialog class="viewing" aria-label=${shown(file.name)} @close=${this.#closed} @keydown=${this.#key}>
      <header>
        <button class="quiet only-icon" aria-label="Close" autofocus @click=${this.#close}>${icon("close")}</button>
        <h2 title=${shown(file.name)}>${shown(file.name)}</h2>
        <span class="soft figures">${size(file.size)}</span>
        <span class="grow"></span>
        ${
          this.sharing
            ? html`<button
                class="quiet"
                aria-label="Copy link"
                @click=${() => this.dispatchEvent(new CustomEvent("share", { detail: file }))}
              >
                ${icon("links")}<span class="wide-only">Copy link</span>
              </button>`
            : nothing
        }
        <button class="quiet" aria-label="Download" @click=${() => void streams.download(library, [file])}>
          ${icon("download")}<span class="wide-only">Download</span>
        </button>
        <button class="quiet only-icon" aria-label="The file before" ?disabled=${place <= 0} @click=${() => this.#step(-1)}>
          ${icon("left")}
        </button>
        <button
          class="quiet only-icon"
          aria-label="The file after"
          ?disabled=${place >= this.files.length - 1}
          @click=${() => this.#step(1)}
        >
          ${icon("right")}
        </button>
      </header>
      <cachette-viewer .library=${library} .file=${file}></cachette-viewer>
    </dialog>`;
  }

  #step(by: number): void {
    const place = this.files.findIndex((file) => file.path === this.#path);
    const next = this.files[place + by];
    if (next) this.#path = next.path;
    this.requestUpdate();
  }

  #close = (): void => this.find<HTMLDialogElement>("dialog")?.close();

  #closed = (): void => {
    const detail = this.#path;
    this.#path = undefined;
    this.requestUpdate();
    this.dispatchEvent(new CustomEvent("closed", { detail }));
  };

  #key = (event: KeyboardEvent): void => {
    // Players have keys of their own.
    if (event.target instanceof HTMLMediaElement) return;
    if (event.key === "ArrowLeft") this.#step(-1);
    else if (event.key === "ArrowRight") this.#step(1);
    else if (event.key === " " && !isElsewhere(event.target)) this.#close();
    else return;
    event.preventDefault();
  };
}

/** Says whether a button other than the one to close has the keyboard, so that Space presses that one. */
function isElsewhere(target: EventTarget | null): boolean {
  return target instanceof HTMLButtonElement && !target.autofocus;
}

customElements.define("cachette-viewer-dialog", ViewerDialog);
export type { ViewerDialog };
