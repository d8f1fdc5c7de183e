// Walks through the folders of the vault to choose one of them, or a file.

import type { FileInfo } from "cachette";
import { html } from "lit";

import { Part } from "../element.ts";
import { byName } from "../format.ts";
import { icon } from "../icons.ts";
import { iconOf } from "../kinds.ts";
import { parent, shown, title } from "../paths.ts";
import { session } from "../state/session.ts";
import { ask } from "./dialog.ts";
import { failure } from "./notice.ts";

/** Tells with `go` which folder it shows, and with `chosen` which file was chosen. */
class Picker extends Part {
  static override properties = { path: {}, without: { attribute: false }, files: { type: Boolean } };
  declare path: string;
  /** What is being moved itself. */
  declare without: ReadonlySet<string>;
  /** Files can be chosen too. */
  declare files: boolean;
  #inside: FileInfo[] = [];
  #listed = "";
  #error: unknown;

  constructor() {
    super();
    this.path = "/";
    this.without = new Set();
    this.files = false;
  }

  protected override willUpdate(): void {
    if (this.#listed !== this.path) void this.#list();
  }

  protected override render(): unknown {
    return html`<div class="picker">
      <div class="row">
        <button
          type="button"
          class="quiet only-icon"
          aria-label="One folder up"
          ?disabled=${this.path === "/"}
          @click=${() => this.#go(parent(this.path))}
        >
          ${icon("up")}
        </button>
        <strong>${this.path === "/" ? "All files" : title(this.path)}</strong>
      </div>
      ${failure(this.#error)}
      <ul aria-label="What is in the folder">
        ${this.#inside.map(
          (file) =>
            html`<li>
              <button type="button" class="quiet" @click=${() => this.#take(file)}>
                ${icon(iconOf(file))}<span>${shown(file.name)}</span>
              </button>
            </li>`,
        )}
        ${this.#inside.length === 0 ? html`<li class="soft none">${this.files ? "Nothing in here" : "No folders in here"}</li>` : ""}
      </ul>
    </div>`;
  }

  #take(file: FileInfo): void {
    if (file.kind === "folder") this.#go(file.path);
    else this.dispatchEvent(new CustomEvent("chosen", { detail: file }));
  }

  #go(path: string): void {
    this.path = path;
    this.dispatchEvent(new CustomEvent("go", { detail: path }));
  }

  async #list(): Promise<void> {
    const path = this.path;
    this.#listed = path;
    const inside: FileInfo[] = [];
    this.#error = undefined;
    try {
      for await (const file of session.peer.list(path)) {
        const isWanted = file.kind === "folder" || (this.files && file.kind === "file");
        if (isWanted && !this.without.has(file.path)) inside.push(file);
      }
    } catch (error) {
      this.#error = error;
    }
    if (path !== this.path) return;
    const rank = (file: FileInfo): number => (file.kind === "folder" ? 0 : 1);
    this.#inside = inside.sort((a, b) => rank(a) - rank(b) || byName.compare(a.name, b.name));
    this.requestUpdate();
  }
}

customElements.define("cachette-picker", Picker);

/** Asks for a folder to move something to. */
export function askFolder(name: string, start: string, moved: ReadonlySet<string>): Promise<string | undefined> {
  let path = start;
  return ask<string>(name, (answer) => {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      answer(path);
    };
    const go = ({ detail }: CustomEvent<string>): void => {
      path = detail;
    };
    return html`<form class="stack" @submit=${submit}>
      <h2>${name}</h2>
      <cachette-picker .path=${start} .without=${moved} @go=${go}></cachette-picker>
      <div class="actions">
        <button type="button" @click=${() => answer(undefined)}>Cancel</button>
        <button class="meant">Move here</button>
      </div>
    </form>`;
  });
}

/** Asks for a file. */
export function askFile(name: string, start: string): Promise<FileInfo | undefined> {
  return ask<FileInfo>(
    name,
    (answer) =>
      html`<div class="stack">
        <h2>${name}</h2>
        <cachette-picker files .path=${start} @chosen=${({ detail }: CustomEvent<FileInfo>) => answer(detail)}></cachette-picker>
        <div class="actions"><button type="button" @click=${() => answer(undefined)}>Cancel</button></div>
      </div>`,
  );
}
