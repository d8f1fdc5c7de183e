// A long list of files of which only the rows on the screen exist: a grid with a selection that the keyboard and the pointer share.

import type { FileInfo } from "cachette";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";

import { Part } from "../element.ts";
import { exact, size, when } from "../format.ts";
import { icon } from "../icons.ts";
import { iconOf } from "../kinds.ts";
import { shown } from "../paths.ts";
import type { Order } from "../state/folder.ts";

/** Height of a row, in root font sizes, as in files.css. */
const ROW = 2.75;
/** Rows beyond the edges, so that fast scrolling shows no gaps. */
const SPARE = 8;
/** Letters that come faster than this, in milliseconds, belong together. */
const TYPING = 800;

/** What the list tells the page around it. */
export interface RowsEvents {
  open: CustomEvent<FileInfo>;
  preview: CustomEvent<FileInfo>;
  select: CustomEvent<ReadonlySet<string>>;
  sort: CustomEvent<Order>;
  /** Other files are on the screen now. */
  look: CustomEvent<readonly FileInfo[]>;
}

class Rows extends Part {
  static override properties = {
    files: { attribute: false },
    selected: { attribute: false },
    order: {},
    descending: { type: Boolean },
    label: {},
    state: { attribute: false },
    plain: { type: Boolean },
  };
  declare files: readonly FileInfo[];
  declare selected: ReadonlySet<string>;
  declare order: Order;
  declare descending: boolean;
  declare label: string;
  /** Draws how safe a file is. */
  declare state: ((file: FileInfo) => unknown) | undefined;
  /** Nothing can be done to what is selected, so there is nothing to tick. */
  declare plain: boolean;

  /** The row that the keyboard is on. */
  #active = 0;
  /** Where a range that is being selected began. */
  #anchor = 0;
  #first = 0;
  #count = 0;
  #looked = "";
  #typed = { text: "", at: 0 };
  readonly #resized = new ResizeObserver(() => this.#scrolled());

  constructor() {
    super();
    this.files = [];
    this.selected = new Set();
    this.order = "name";
    this.descending = false;
    this.label = "Files";
    this.state = undefined;
    this.plain = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resized.disconnect();
  }

  protected override firstUpdated(): void {
    const scroller = this.find<HTMLElement>(".scroller");
    if (scroller) this.#resized.observe(scroller);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("label")) {
      this.#active = 0;
      this.#anchor = 0;
      this.find<HTMLElement>(".scroller")?.scrollTo(0, 0);
    }
    if (changed.has("files")) this.#active = Math.max(0, Math.min(this.#active, this.files.length - 1));
  }

  protected override updated(changed: PropertyValues): void {
    const row = this.#rowHeight();
    const above = this.find<HTMLElement>(".above");
    const all = this.find<HTMLElement>(".all");
    // By script and not in markup: the page's policy allows no inline styles.
    if (above) above.style.height = `${this.#first * row}px`;
    if (all) all.style.height = `${this.files.length * row}px`;
    if (changed.has("files")) this.#scrolled();
    const shown = this.#shown();
    const looked = shown.map((file) => file.path).join("\n");
    if (looked !== this.#looked) {
      this.#looked = looked;
      this.#tell("look", shown);
    }
  }

  /** Moves the keyboard to the list, to a file if it is there. */
  focusOn(path?: string): void {
    const place = this.files.findIndex((file) => file.path === path);
    if (place >= 0) this.#go(place, false);
    this.find<HTMLElement>("[role=grid]")?.focus();
  }

  protected override render(): unknown {
    const active = this.files[this.#active];
    const isDrawn = this.#active >= this.#first && this.#active < this.#first + this.#count;
    return html`<div
      class="rows ${this.plain ? "plain" : ""}"
      role="grid"
      tabindex="0"
      aria-label=${this.label}
      aria-multiselectable="true"
      aria-rowcount=${this.files.length + 1}
      aria-activedescendant=${active && isDrawn ? `row-${this.#active}` : nothing}
      @keydown=${this.#key}
    >
      <div class="scroller" role="presentation" @scroll=${this.#scrolled}>
        <div role="rowgroup">
          <div class="heads" role="row" aria-rowindex="1">
            <div role="columnheader" class="tick">
              <input
                type="checkbox"
                tabindex="-1"
                aria-label="Select all"
                .checked=${this.files.length > 0 && this.selected.size === this.files.length}
                .indeterminate=${this.selected.size > 0 && this.selected.size < this.files.length}
                @change=${() => this.#select(this.selected.size === this.files.length ? [] : this.files)}
              />
            </div>
            ${this.#head("name", "Name")} ${this.#head("size", "Size")} ${this.#head("modified", "Changed")}
            ${this.state ? html`<div role="columnheader" class="state">Copies</div>` : nothing}
          </div>
        </div>
        <div class="all" role="rowgroup">
          <div class="above" role="presentation"></div>
          ${repeat(
            this.#shown(),
            (file) => file.path,
            (file, index) => this.#row(file, this.#first + index),
          )}
        </div>
      </div>
    </div>`;
  }

  #head(order: Order, words: string): TemplateResult {
    const isSorted = this.order === order;
    const sort = isSorted ? (this.descending ? "descending" : "ascending") : "none";
    return html`<div role="columnheader" class=${order} aria-sort=${sort}>
      <button class="quiet" tabindex="-1" @click=${() => this.#tell("sort", order)}>
        ${words}<span class="arrow" aria-hidden="true">${isSorted ? (this.descending ? "↓" : "↑") : ""}</span>
      </button>
    </div>`;
  }

  #row(file: FileInfo, index: number): TemplateResult {
    const isSelected = this.selected.has(file.path);
    const isFile = file.kind === "file";
    return html`<div
      role="row"
      id="row-${index}"
      class="file ${index === this.#active ? "active" : ""}"
      aria-rowindex=${index + 2}
      aria-selected=${isSelected}
      @click=${(event: MouseEvent) => this.#click(event, index)}
      @dblclick=${() => this.#tell("open", file)}
    >
      <div role="gridcell" class="tick">
        <input
          type="checkbox"
          tabindex="-1"
          aria-label="Select ${shown(file.name)}"
          .checked=${isSelected}
          @click=${(event: MouseEvent) => this.#tick(event, index)}
        />
      </div>
      <div role="gridcell" class="name">
        ${icon(iconOf(file))}<span class="open" title=${shown(file.name)} @click=${(event: MouseEvent) => this.#open(event, file)}
          >${shown(file.name)}</span
        >
      </div>
      <div role="gridcell" class="size">${isFile ? size(file.size) : nothing}</div>
      <div role="gridcell" class="modified" title=${exact(file.modified)}>${when(file.modified)}</div>
      ${this.state ? html`<div role="gridcell" class="state">${this.state(file)}</div>` : nothing}
    </div>`;
  }

  #shown(): readonly FileInfo[] {
    return this.files.slice(this.#first, this.#first + this.#count);
  }

  #scrolled = (): void => {
    const scroller = this.find<HTMLElement>(".scroller");
    if (!scroller) return;
    const row = this.#rowHeight();
    const first = Math.max(0, Math.floor(scroller.scrollTop / row) - SPARE);
    const count = Math.ceil(scroller.clientHeight / row) + 2 * SPARE;
    if (first === this.#first && count === this.#count) return;
    this.#first = first;
    this.#count = count;
    this.requestUpdate();
  };

  #rowHeight(): number {
    return ROW * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  }

  #open(event: MouseEvent, file: FileInfo): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.stopPropagation();
    this.#tell("open", file);
  }

  #tick(event: MouseEvent, index: number): void {
    event.stopPropagation();
    if (event.shiftKey) this.#range(index);
    else this.#toggle(index);
  }

  #click(event: MouseEvent, index: number): void {
    this.find<HTMLElement>("[role=grid]")?.focus();
    if (event.shiftKey) this.#range(index);
    else if (event.ctrlKey || event.metaKey) this.#toggle(index);
    else this.#only(index);
  }

  #only(index: number): void {
    this.#anchor = index;
    this.#go(index, false);
    const file = this.files[index];
    this.#select(file ? [file] : []);
  }

  #toggle(index: number): void {
    this.#anchor = index;
    this.#go(index, false);
    const file = this.files[index];
    if (!file) return;
    const selected = new Set(this.selected);
    if (!selected.delete(file.path)) selected.add(file.path);
    this.#tell("select", selected);
  }

  #range(index: number): void {
    this.#go(index, false);
    const [from, to] = [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
    this.#select(this.files.slice(from, to + 1));
  }

  #select(files: readonly FileInfo[]): void {
    this.#tell("select", new Set(files.map((file) => file.path)));
  }

  #key = (event: KeyboardEvent): void => {
    if (event.target instanceof HTMLInputElement && event.key === " ") return;
    const page = Math.max(1, this.#count - 2 * SPARE - 2);
    const steps: Record<string, number> = {
      ArrowDown: this.#active + 1,
      ArrowUp: this.#active - 1,
      PageDown: this.#active + page,
      PageUp: this.#active - page,
      Home: 0,
      End: this.files.length - 1,
    };
    const step = steps[event.key];
    const file = this.files[this.#active];
    if (step !== undefined) this.#go(step, event.shiftKey, !event.ctrlKey);
    else if (event.key === "Enter" && file) this.#tell("open", file);
    else if (event.key === " " && event.ctrlKey) this.#toggle(this.#active);
    else if (event.key === " " && file) this.#tell("preview", file);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.#select(this.files);
    else if (event.key === "Escape" && this.selected.size > 0) this.#select([]);
    else if (this.#isLetter(event)) this.#type(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** Says whether a key is part of a name that somebody types, and no command. */
  #isLetter({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
    if (key.length !== 1 || ctrlKey || metaKey || altKey || shiftKey || ["/", "?", " "].includes(key)) return false;
    return !/[1-5]/.test(key) || performance.now() - this.#typed.at < TYPING;
  }

  /** Typing goes to the next name that begins so. */
  #type(letter: string): void {
    const now = performance.now();
    const isNew = now - this.#typed.at > TYPING;
    this.#typed = { text: (isNew ? "" : this.#typed.text) + letter.toLowerCase(), at: now };
    const from = isNew ? this.#active + 1 : this.#active;
    const matches = (file: FileInfo): boolean => file.name.toLowerCase().startsWith(this.#typed.text);
    const after = this.files.findIndex((file, index) => index >= from && matches(file));
    const found = after >= 0 ? after : this.files.findIndex(matches);
    if (found >= 0) this.#only(found);
  }

  /** Moves to a row and brings it into view; by the keyboard, the selection comes along. */
  #go(index: number, isRange: boolean, isSelecting = false): void {
    this.#active = Math.max(0, Math.min(index, this.files.length - 1));
    const scroller = this.find<HTMLElement>(".scroller");
    const row = this.#rowHeight();
    if (scroller) {
      const top = this.#active * row;
      // The heads stay above the rows.
      const height = scroller.clientHeight - (this.find<HTMLElement>(".heads")?.offsetHeight ?? 0);
      if (top < scroller.scrollTop) scroller.scrollTop = top;
      else if (top + row > scroller.scrollTop + height) scroller.scrollTop = top + row - height;
    }
    this.#scrolled();
    this.requestUpdate();
    if (isRange) this.#range(this.#active);
    else if (isSelecting) this.#only(this.#active);
  }

  #tell<K extends keyof RowsEvents>(type: K, detail: RowsEvents[K]["detail"]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

customElements.define("cachette-rows", Rows);
export type { Rows };
