// The files of the vault: one folder at a time, with everything that one can do to what is in it.

import type { FileInfo } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import { askText, choose } from "../components/dialog.ts";
import { askFolder } from "../components/picker.ts";
import { isTyping } from "../components/keys-help.ts";
import { failure, leftOut } from "../components/notice.ts";
import "../components/rows.ts";
import type { Rows } from "../components/rows.ts";
import { safety } from "../components/safety.ts";
import { shareDialog } from "../components/share-dialog.ts";
import "../components/viewer-dialog.ts";
import type { ViewerDialog } from "../components/viewer-dialog.ts";
import { Part } from "../element.ts";
import { count, counted, size } from "../format.ts";
import { icon } from "../icons.ts";
import { freeName, join, nameTrouble, parent, shown, title, trail } from "../paths.ts";
import { route } from "../route.ts";
import { type Arrival, fromDrop, fromFiles, fromPaste, into } from "../state/arrivals.ts";
import { fileCopies } from "../state/copies.ts";
import { Folder, type Order } from "../state/folder.ts";
import { health } from "../state/health.ts";
import { preferences } from "../state/preferences.ts";
import { session } from "../state/session.ts";
import { streams } from "../state/streams.ts";
import { transfers } from "../state/transfers.ts";
import { trash } from "../state/trash.ts";

class Files extends Part {
  readonly #folder = new Folder();
  #selected: ReadonlySet<string> = new Set();
  #search = "";
  #error: unknown;
  /** What the last archive does not hold. */
  #leftOut: readonly string[] = [];
  /** Something is being dragged over the window. */
  #isTarget = false;
  #stopEvents = (): void => {};

  constructor() {
    super();
    this.watch(route, this.#folder, trash, fileCopies, health);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopEvents = session.onEvent(({ type }) => {
      if (type === "changed") this.#folder.refresh();
    });
    window.addEventListener("dragover", this.#dragOver);
    window.addEventListener("dragleave", this.#dragLeave);
    window.addEventListener("drop", this.#drop);
    document.addEventListener("paste", this.#paste);
    document.addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopEvents();
    this.#folder.close();
    window.removeEventListener("dragover", this.#dragOver);
    window.removeEventListener("dragleave", this.#dragLeave);
    window.removeEventListener("drop", this.#drop);
    document.removeEventListener("paste", this.#paste);
    document.removeEventListener("keydown", this.#key);
  }

  protected override willUpdate(): void {
    if (this.#folder.path === route.folder || !session.isOpen) return;
    this.#selected = new Set();
    this.#search = "";
    this.#error = undefined;
    this.#leftOut = [];
    this.#folder.open(session.peer, route.folder);
  }

  protected override render(): unknown {
    if (!session.isOpen) return nothing;
    const files = this.#visible();
    return html`<div class="files ${this.#isTarget ? "target" : ""}">
      <h1 class="unseen">Files</h1>
      <div class="bar">${this.#selected.size > 0 ? this.#actions() : this.#bar()}</div>
      ${this.#error === undefined ? nothing : html`<div class="said">${failure(this.#error)}</div>`}
      ${this.#leftOut.length === 0 ? nothing : html`<div class="said">${leftOut(this.#leftOut)}</div>`}
      ${this.#folder.error === undefined ? nothing : html`<div class="said">${failure(this.#folder.error)}</div>`}
      ${files.length > 0 || this.#folder.isListing ? this.#rows(files) : this.#empty()}
      <cachette-viewer-dialog
        .library=${session.peer}
        .files=${files.filter(({ kind }) => kind === "file")}
        sharing
        @share=${({ detail }: CustomEvent<FileInfo>) => void shareDialog(detail.path)}
        @closed=${({ detail }: CustomEvent<string>) => this.find<Rows>("cachette-rows")?.focusOn(detail)}
      ></cachette-viewer-dialog>
      <p class="unseen" role="status">${this.#folder.isListing ? "Listing…" : `${counted(files.length, "item")}`}</p>
      ${this.#isTarget ? html`<div class="drop-here">Drop to add to “${trail(route.folder).at(-1)?.name}”</div>` : nothing}
    </div>`;
  }

  #bar(): TemplateResult {
    const steps = trail(route.folder);
    return html`<nav class="breadcrumb" aria-label="Folders">
        <ol>
          ${steps.map(
            ({ name, path }, index) =>
              html`<li>
                ${
                  index === steps.length - 1
                    ? html`<span aria-current="page" title=${name}>${name}</span>`
                    : html`<button class="quiet" title=${name} @click=${() => this.#go(path)}>${name}</button>`
                }
              </li>`,
          )}
        </ol>
      </nav>
      <div class="search">
        ${icon("search")}
        <input
          type="search"
          aria-label="Search in this folder"
          placeholder="Search in this folder"
          .value=${this.#search}
          @input=${(event: InputEvent) => {
            this.#search = (event.target as HTMLInputElement).value;
            this.requestUpdate();
          }}
        />
      </div>
      <div class="row buttons">
        <button @click=${this.#newFolder} aria-label="New folder">${icon("newFolder")}<span class="wide-only">New folder</span></button>
        <button class="wide-only" @click=${() => this.find<HTMLInputElement>("#choose-folder")?.click()}>
          ${icon("folder")}Add folder
        </button>
        <button class="meant" @click=${() => this.find<HTMLInputElement>("#choose-files")?.click()}>${icon("add")}Add files</button>
        <input id="choose-files" type="file" multiple hidden @change=${this.#chosen} />
        <input id="choose-folder" type="file" webkitdirectory hidden @change=${this.#chosen} />
      </div>`;
  }

  #actions(): TemplateResult {
    const chosen = this.#chosenFiles();
    const [only] = chosen.length === 1 ? chosen : [];
    const files = chosen.filter(({ kind }) => kind === "file");
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    return html`<div class="row selection" role="toolbar" aria-label="What to do with the selection">
      <button class="quiet only-icon" aria-label="Select nothing" @click=${() => this.#select(new Set())}>${icon("close")}</button>
      <strong class="figures">${count(chosen.length)} selected</strong>
      <span class="soft figures wide-only">${bytes > 0 ? size(bytes) : nothing}</span>
      <span class="grow"></span>
      ${only ? html`<button class="quiet" @click=${() => void shareDialog(only.path)}>${icon("links")}<span>Copy link</span></button>` : nothing}
      <button class="quiet" @click=${() => this.#download(chosen)}>${icon("download")}<span>Download</span></button>
      ${only ? html`<button class="quiet" @click=${() => this.#rename(only)}>${icon("rename")}<span>Rename</span></button>` : nothing}
      <button class="quiet" @click=${() => this.#move(chosen)}>${icon("move")}<span>Move</span></button>
      <button class="quiet danger" @click=${() => this.#delete(chosen)}>${icon("remove")}<span>Delete</span></button>
    </div>`;
  }

  #rows(files: readonly FileInfo[]): TemplateResult {
    return html`<cachette-rows
      .files=${files}
      .selected=${this.#selected}
      .order=${this.#folder.order}
      .descending=${this.#folder.isDescending}
      .label=${`Files in ${trail(route.folder).at(-1)?.name}`}
      .state=${(file: FileInfo) => this.#state(file)}
      @open=${({ detail }: CustomEvent<FileInfo>) => this.#open(detail)}
      @preview=${({ detail }: CustomEvent<FileInfo>) => detail.kind === "file" && this.#open(detail)}
      @select=${({ detail }: CustomEvent<ReadonlySet<string>>) => this.#select(detail)}
      @sort=${({ detail }: CustomEvent<Order>) => this.#folder.sortBy(detail)}
      @look=${({ detail }: CustomEvent<readonly FileInfo[]>) => fileCopies.want(detail.filter(({ kind }) => kind === "file").map(({ path }) => path))}
    ></cachette-rows>`;
  }

  /** How safe a file is, as far as that is known. */
  #state(file: FileInfo): unknown {
    if (file.kind !== "file") return nothing;
    const known = fileCopies.of(file.path);
    return known ? safety(known.safety, known.copies) : nothing;
  }

  #empty(): TemplateResult {
    if (this.#search) return html`<div class="empty"><p>Nothing in this folder is called “${this.#search}”.</p></div>`;
    if (this.#folder.error !== undefined) return html`<div class="empty"></div>`;
    return html`<div class="empty">
      <h2>${route.folder === "/" ? "Nothing in the vault yet" : "An empty folder"}</h2>
      <p>Drop files or whole folders anywhere on this page. They are encrypted here before they leave.</p>
      <button @click=${() => this.find<HTMLInputElement>("#choose-files")?.click()}>${icon("add")}Add files</button>
    </div>`;
  }

  #visible(): readonly FileInfo[] {
    const words = this.#search.trim().toLowerCase();
    if (!words && trash.isEmpty) return this.#folder.files;
    return this.#folder.files.filter((file) => !trash.hides(file.path) && file.name.toLowerCase().includes(words));
  }

  #chosenFiles(): FileInfo[] {
    return this.#visible().filter((file) => this.#selected.has(file.path));
  }

  #select(paths: ReadonlySet<string>): void {
    this.#selected = paths;
    this.requestUpdate();
  }

  #go(folder: string): void {
    route.go("files", folder);
  }

  #open(file: FileInfo): void {
    if (file.kind === "folder" || file.kind === "mount") this.#go(file.path);
    else if (file.kind === "file") this.find<ViewerDialog>("cachette-viewer-dialog")?.show(file);
  }

  /** Does something to files and shows why, where they are, if it fails. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    this.#error = undefined;
    try {
      await work();
    } catch (error) {
      this.#error = error;
    }
    this.#folder.refresh();
    this.requestUpdate();
  }

  #newFolder = async (): Promise<void> => {
    const name = await askText("New folder", { label: "Name", action: "Make the folder" });
    if (name === undefined) return;
    await this.#attempt(async () => {
      this.#check(name);
      await session.peer.makeFolder(join(route.folder, name));
    });
  };

  async #rename(file: FileInfo): Promise<void> {
    const dot = file.kind === "file" ? file.name.lastIndexOf(".") : -1;
    const name = await askText("Rename", {
      label: "New name",
      value: file.name,
      action: "Rename",
      select: dot > 0 ? dot : file.name.length,
    });
    if (name === undefined || name === file.name) return;
    await this.#attempt(async () => {
      this.#check(name);
      await session.peer.move(file.path, join(parent(file.path), name));
      this.#select(new Set());
    });
  }

  async #move(files: readonly FileInfo[]): Promise<void> {
    const moved = new Set(files.map(({ path }) => path));
    const folder = await askFolder(
      `Move ${files.length === 1 ? `“${shown(files[0]?.name ?? "")}”` : counted(files.length, "item")}`,
      route.folder,
      moved,
    );
    if (folder === undefined || folder === route.folder) return;
    await this.#attempt(async () => {
      for (const file of files) await session.peer.move(file.path, join(folder, file.name));
      this.#select(new Set());
    });
  }

  #delete(files: readonly FileInfo[]): void {
    if (files.length === 0) return;
    trash.delete(files.map(({ path }) => path));
    this.#select(new Set());
    this.find<Rows>("cachette-rows")?.focusOn();
  }

  async #download(chosen: readonly FileInfo[]): Promise<void> {
    const [only] = chosen;
    const folder = route.folder === "/" ? preferences.vault : title(route.folder);
    await this.#attempt(async () => {
      this.#leftOut = await streams.download(session.peer, chosen, chosen.length === 1 ? only?.name : folder);
    });
  }

  #check(name: string): void {
    const wrong = nameTrouble(name);
    if (wrong) throw new Error(wrong);
    if (this.#folder.has(name)) throw new Error(`“${name}” is there already. Choose another name.`);
  }

  /** Adds what came, after asking about names that are taken. */
  async #arrive(arrivals: readonly Arrival[]): Promise<void> {
    if (arrivals.length === 0) return;
    const folder = route.folder;
    const taken = arrivals.filter(({ name, isFolder }) => !isFolder && this.#folder.has(name));
    const renamed = new Map<string, string>();
    if (taken.length > 0) {
      const what = taken.length === 1 ? `“${shown(taken[0]?.name ?? "")}” is` : `${counted(taken.length, "file")} are`;
      const way = await choose("Keep both?", `${what} in this folder already. If both are kept, the new one gets a number.`, [
        { value: "both", words: "Keep both" },
        { value: "replace", words: "Replace", danger: true },
      ]);
      if (way === undefined) return;
      if (way === "both")
        for (const { name } of taken)
          renamed.set(
            name,
            freeName(name, (free) => this.#folder.has(free)),
          );
    }
    await transfers.add(into(folder, arrivals, renamed));
    this.#folder.refresh();
  }

  #chosen = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    const arrivals = fromFiles(field.files ?? []);
    field.value = "";
    void this.#arrive(arrivals);
  };

  #dragOver = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.#aim(true);
  };

  #dragLeave = (event: DragEvent): void => {
    if (event.relatedTarget === null) this.#aim(false);
  };

  #drop = (event: DragEvent): void => {
    this.#aim(false);
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    void this.#arrive(fromDrop(event.dataTransfer));
  };

  #aim(isTarget: boolean): void {
    if (this.#isTarget === isTarget) return;
    this.#isTarget = isTarget;
    this.requestUpdate();
  }

  #paste = (event: ClipboardEvent): void => {
    if (!event.clipboardData?.files.length || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    void this.#arrive(fromPaste(event.clipboardData));
  };

  #key = (event: KeyboardEvent): void => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const chosen = this.#chosenFiles();
    const [only] = chosen;
    if (event.key === "Delete") this.#delete(chosen);
    else if (event.key === "F2" && only && chosen.length === 1) void this.#rename(only);
    else if (event.key === "M" && chosen.length > 0) void this.#move(chosen);
    else if (event.key === "N") void this.#newFolder();
    else if (event.key === "/") this.find<HTMLInputElement>("input[type=search]")?.focus();
    else if (event.key === "Backspace" && route.folder !== "/") this.#go(parent(route.folder));
    else return;
    event.preventDefault();
  };
}

customElements.define("cachette-files", Files);
