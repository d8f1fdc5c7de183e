// What is in the folder on the screen: listed piece by piece, sorted as people sort, and listed again when something changed.

import type { FileInfo } from "cachette";

import { Source } from "../element.ts";
import { byName } from "../format.ts";
import type { Library } from "./streams.ts";

export type Order = "name" | "size" | "modified";

/** A long folder is shown before it is read to its end. */
const SHOW_EVERY = 250;
/** A folder with more files is shown as it comes until it is read to its end. */
const SORT_AT_ONCE = 2_000;
/** Changes come in bursts. */
const PAUSE = 400;

export class Folder extends Source {
  #library: Library | undefined;
  #path = "";
  #files: FileInfo[] = [];
  #sorted: FileInfo[] | undefined;
  #order: Order = "name";
  #down = false;
  #listing: AbortController | undefined;
  #again: number | undefined;
  #state: "listing" | "listed" | "failed" = "listing";
  #error: unknown;

  get path(): string {
    return this.#path;
  }

  get isListing(): boolean {
    return this.#state === "listing";
  }

  get error(): unknown {
    return this.#error;
  }

  get order(): Order {
    return this.#order;
  }

  get isDescending(): boolean {
    return this.#down;
  }

  /** Everything in the folder: folders first, then files, each in the chosen order. */
  get files(): readonly FileInfo[] {
    const isEarly = this.#state === "listing" && this.#files.length > SORT_AT_ONCE;
    this.#sorted ??= isEarly ? this.#files : [...this.#files].sort((a, b) => this.#compare(a, b));
    return this.#sorted;
  }

  has(name: string): boolean {
    return this.#files.some((file) => file.name === name);
  }

  /** Shows another folder. */
  open(library: Library, path: string): void {
    if (library === this.#library && path === this.#path) return;
    this.#library = library;
    this.#path = path;
    this.#replace([]);
    void this.#list();
  }

  /** Lists again soon; what is shown stays until then. */
  refresh(): void {
    window.clearTimeout(this.#again);
    this.#again = window.setTimeout(() => void this.#list(), PAUSE);
  }

  close(): void {
    this.#listing?.abort();
    window.clearTimeout(this.#again);
    this.#library = undefined;
    this.#path = "";
  }

  /** Sorts by a column; by the same again, the other way round. */
  sortBy(order: Order): void {
    this.#down = order === this.#order ? !this.#down : order !== "name";
    this.#order = order;
    this.#sorted = undefined;
    this.changed();
  }

  async #list(): Promise<void> {
    const library = this.#library;
    if (!library) return;
    this.#listing?.abort();
    const listing = new AbortController();
    this.#listing = listing;
    const isFirst = this.#files.length === 0;
    this.#state = "listing";
    this.#error = undefined;
    this.changed();
    const files: FileInfo[] = [];
    let shown = performance.now();
    try {
      for await (const file of library.list(this.#path, { signal: listing.signal })) {
        if (listing.signal.aborted) return;
        files.push(file);
        if (isFirst && performance.now() - shown > SHOW_EVERY) {
          this.#replace(files.slice());
          shown = performance.now();
        }
      }
      if (listing.signal.aborted) return;
      this.#state = "listed";
      this.#replace(files);
    } catch (error) {
      if (listing.signal.aborted) return;
      this.#state = "failed";
      this.#error = error;
      this.changed();
    }
  }

  #replace(files: FileInfo[]): void {
    this.#files = files;
    this.#sorted = undefined;
    this.changed();
  }

  #compare(a: FileInfo, b: FileInfo): number {
    const folders = Number(b.kind === "folder") - Number(a.kind === "folder");
    if (folders !== 0) return folders;
    const sign = this.#down ? -1 : 1;
    const difference = this.#order === "size" ? a.size - b.size : this.#order === "modified" ? a.modified - b.modified : 0;
    return sign * (difference || byName.compare(a.name, b.name));
  }
}
