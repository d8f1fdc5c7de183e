// Shows one file in place: pictures, text, pages, PDFs, audio and video, from wherever they are stored, without downloading them first.
//
// What is shown came from somebody. Text becomes text nodes, pictures are images, and everything that could run is given to the service
// worker, which serves it in an origin of its own where nothing runs.

import type { FileInfo } from "cachette";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";

import { Part } from "../element.ts";
import { exact, size, when } from "../format.ts";
import { icon } from "../icons.ts";
import { kind } from "../kinds.ts";
import { shown } from "../paths.ts";
import { type Library, streams } from "../state/streams.ts";
import { failure, notice } from "./notice.ts";
import { Resumption } from "./resumption.ts";

/** Text is shown up to here. */
const TEXT_MAX = 1 << 20;

class Viewer extends Part {
  static override properties = { library: { attribute: false }, file: { attribute: false } };
  declare library: Library | undefined;
  declare file: FileInfo | undefined;

  #address: string | undefined;
  #text: string | undefined;
  #error: unknown;
  #shown: FileInfo | undefined;
  /** The browser could not show it. */
  #isUnplayable = false;
  #resumption = new Resumption();

  constructor() {
    super();
    this.library = undefined;
    this.file = undefined;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#clear();
    this.#shown = undefined;
  }

  protected override willUpdate(_: PropertyValues): void {
    if (this.file?.path === this.#shown?.path && this.file?.modified === this.#shown?.modified) return;
    this.#shown = this.file;
    this.#clear();
    if (this.file && this.library) void this.#load(this.library, this.file);
  }

  protected override render(): unknown {
    const { file } = this;
    if (!file) return nothing;
    return html`<div class="viewer" data-show=${kind(file.name).show}>${this.#content(file)}</div>`;
  }

  #content(file: FileInfo): TemplateResult {
    if (this.#error !== undefined) return html`<div class="aside">${failure(this.#error)}</div>`;
    if (this.#isUnplayable) return this.#only(file, "This browser cannot show it.");
    const { show } = kind(file.name);
    if (show === "none") return this.#only(file, "It cannot be shown here.");
    if (show === "text") return this.#text === undefined ? this.#loading() : this.#asText(file, this.#text);
    const address = this.#address;
    if (address === undefined) return this.#loading();
    const failed = ({ target }: Event): void => {
      this.#error = streams.failure(address);
      if (this.#error === undefined && target instanceof HTMLMediaElement && this.#resumption.resume(target)) return;
      this.#isUnplayable = true;
      this.requestUpdate();
    };
    switch (show) {
      case "picture":
        return html`<img src=${address} alt=${shown(file.name)} @error=${failed} />`;
      case "video":
        return html`<video src=${address} controls autoplay playsinline aria-label=${shown(file.name)} @error=${failed}></video>`;
      case "audio":
        return html`<audio src=${address} controls autoplay aria-label=${shown(file.name)} @error=${failed}></audio>`;
      default:
        // In a sandbox by the worker's answer: with the attribute, browsers would not ask the worker at all.
        return html`<iframe src=${address} title=${shown(file.name)} referrerpolicy="no-referrer"></iframe>`;
    }
  }

  #loading(): TemplateResult {
    return html`<p class="aside soft" role="status">Opening…</p>`;
  }

  #asText(file: FileInfo, text: string): TemplateResult {
    return html`<div class="text">
      ${file.size > TEXT_MAX ? notice("plain", `The first ${size(TEXT_MAX)} of ${size(file.size)}.`, "Download the file to see the rest.") : nothing}
      <pre tabindex="0" aria-label=${shown(file.name)}>${text}</pre>
    </div>`;
  }

  #only(file: FileInfo, why: string): TemplateResult {
    return html`<div class="aside stack">
      ${icon("file")}
      <p>${why} ${size(file.size)}, changed <span title=${exact(file.modified)}>${when(file.modified)}</span>.</p>
    </div>`;
  }

  async #load(library: Library, file: FileInfo): Promise<void> {
    try {
      const { show } = kind(file.name);
      if (show === "text") {
        const bytes = await new Response(library.get(file, { range: { start: 0, end: Math.min(file.size, TEXT_MAX) } })).arrayBuffer();
        if (this.#shown === file) this.#text = new TextDecoder().decode(bytes);
      } else if (show !== "none") {
        const address = await streams.offer(library, file);
        if (this.#shown === file) this.#address = address;
        else streams.takeBack(address);
      }
    } catch (error) {
      if (this.#shown === file) this.#error = error;
    }
    this.requestUpdate();
  }

  #clear(): void {
    if (this.#address !== undefined) streams.takeBack(this.#address);
    this.#address = undefined;
    this.#text = undefined;
    this.#error = undefined;
    this.#isUnplayable = false;
    this.#resumption = new Resumption();
  }
}

customElements.define("cachette-viewer", Viewer);
