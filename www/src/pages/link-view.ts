// What somebody sees who opened a link: the content at once, who can see it, and, small, what Cachette is. No vault is looked at.

import { CachetteError, type FileInfo, Peer, type Shared } from "cachette";
import { html, nothing, type TemplateResult } from "lit";

import { failure, leftOut } from "../components/notice.ts";
import "../components/rows.ts";
import "../components/viewer-dialog.ts";
import type { ViewerDialog } from "../components/viewer-dialog.ts";
import "../components/viewer.ts";
import { Part } from "../element.ts";
import { counted, exact, size, when } from "../format.ts";
import { icon } from "../icons.ts";
import { shown, trail } from "../paths.ts";
import { route } from "../route.ts";
import { Folder, type Order } from "../state/folder.ts";
import { session } from "../state/session.ts";
import { streams } from "../state/streams.ts";
import { trouble } from "../trouble.ts";

/** What stood behind the link is not there any more, and trying again does not help. */
const GONE: readonly string[] = ["withdrawn", "vanished", "lost", "not-found"];

class LinkView extends Part {
  static override properties = { link: {} };
  declare link: string;
  #opened = "";
  #shared: Shared | undefined;
  #file: FileInfo | undefined;
  #path = "/";
  #error: unknown;
  #leftOut: readonly string[] = [];
  readonly #folder = new Folder();

  constructor() {
    super();
    this.link = "";
    this.watch(this.#folder);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#folder.close();
    void this.#shared?.close();
  }

  protected override willUpdate(): void {
    if (this.link === this.#opened) return;
    this.#opened = this.link;
    void this.#open(this.link);
  }

  protected override render(): unknown {
    return html`<main class="linked">
      ${this.#content()}
      <footer class="small soft">
        <p>
          Anyone with this link can see this. It came encrypted from machines that cannot read it and was decrypted here, in your browser.
          <strong>Cachette</strong> keeps files on several machines at once, none of which can read them.
          <button class="text" @click=${this.#leave}>Make a vault of your own</button>
        </p>
      </footer>
    </main>`;
  }

  #content(): TemplateResult {
    if (!window.isSecureContext) {
      return html`<h1>This connection is not protected</h1>
        <p>A link can only be opened over HTTPS. Ask whoever gave it to you for one that begins with https://.</p>`;
    }
    if (this.#error !== undefined) return this.#failed(this.#error);
    if (!this.#file)
      return html`<h1 class="unseen">A shared file</h1>
        <p class="soft" role="status">Opening…</p>`;
    return this.#file.kind === "file" ? this.#one(this.#file) : this.#many();
  }

  #failed(error: unknown): TemplateResult {
    if (error instanceof CachetteError && GONE.includes(error.code)) {
      const { what, advice } = trouble(error);
      return html`<h1>The link leads nowhere any more</h1>
        <p role="alert">${what} ${advice}</p>`;
    }
    return html`<h1>The link did not open</h1>
      ${failure(error)}
      <p><button @click=${() => void this.#open(this.link)}>Try again</button></p>`;
  }

  #one(file: FileInfo): TemplateResult {
    return html`<header>
        <div class="grow">
          <h1>${shown(file.name)}</h1>
          <p class="soft figures">${size(file.size)} · changed <span title=${exact(file.modified)}>${when(file.modified)}</span></p>
        </div>
        <button class="meant" @click=${() => void this.#download([file])}>${icon("download")}Download</button>
      </header>
      <cachette-viewer .library=${this.#shared} .file=${file}></cachette-viewer>`;
  }

  #many(): TemplateResult {
    const steps = trail(this.#path);
    const root = shown(this.#file?.name ?? "") || "A shared folder";
    return html`<header>
        <div class="grow">
          <h1>${this.#path === "/" ? root : steps.at(-1)?.name}</h1>
          <p class="soft figures">${this.#folder.isListing ? "Listing…" : counted(this.#folder.files.length, "item")}</p>
        </div>
        <button class="meant" ?disabled=${this.#folder.files.length === 0} @click=${() => void this.#download(this.#folder.files)}>${icon("download")}Download all</button>
      </header>
      ${
        steps.length > 1
          ? html`<nav class="breadcrumb" aria-label="Folders">
              <ol>
                ${steps.map(
                  ({ name, path }, index) =>
                    html`<li>
                      ${
                        index === steps.length - 1
                          ? html`<span aria-current="page">${name}</span>`
                          : html`<button class="quiet" @click=${() => this.#go(path)}>${index === 0 ? root : name}</button>`
                      }
                    </li>`,
                )}
              </ol>
            </nav>`
          : nothing
      }
      ${failure(this.#folder.error)} ${leftOut(this.#leftOut)}
      <cachette-rows
        plain
        .files=${this.#folder.files}
        .order=${this.#folder.order}
        .descending=${this.#folder.isDescending}
        .label=${root}
        @open=${({ detail }: CustomEvent<FileInfo>) => this.#show(detail)}
        @preview=${({ detail }: CustomEvent<FileInfo>) => this.#show(detail)}
        @sort=${({ detail }: CustomEvent<Order>) => this.#folder.sortBy(detail)}
      ></cachette-rows>
      <cachette-viewer-dialog
        .library=${this.#shared}
        .files=${this.#folder.files.filter(({ kind }) => kind === "file")}
      ></cachette-viewer-dialog>`;
  }

  #show(file: FileInfo): void {
    if (file.kind === "folder") this.#go(file.path);
    else if (file.kind === "file") this.find<ViewerDialog>("cachette-viewer-dialog")?.show(file);
  }

  async #download(files: readonly FileInfo[]): Promise<void> {
    if (!this.#shared) return;
    const folder = trail(this.#path).slice(1).at(-1)?.name ?? this.#file?.name ?? "";
    try {
      this.#leftOut = await streams.download(this.#shared, files, folder || "Shared");
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }

  #go(path: string): void {
    this.#path = path;
    this.#leftOut = [];
    if (this.#shared) this.#folder.open(this.#shared, path);
    this.requestUpdate();
  }

  async #open(link: string): Promise<void> {
    this.#error = undefined;
    this.#file = undefined;
    this.requestUpdate();
    try {
      await this.#shared?.close();
      const shared = await Peer.link(link);
      this.#shared = shared;
      this.#file = await only(shared);
      document.title = this.#file.name ? `${shown(this.#file.name)} – Cachette` : "Cachette";
      if (this.#file.kind !== "file") this.#go("/");
    } catch (error) {
      this.#error = error;
    }
    this.requestUpdate();
  }

  #leave = (): void => {
    document.title = "Cachette";
    route.leaveLink();
    void session.start();
  };
}

/** Returns what a link shows: the one file that is behind it, or the folder. */
async function only(shared: Shared): Promise<FileInfo> {
  const root = await shared.stat("/");
  if (root.kind === "file") return root;
  const first: FileInfo[] = [];
  for await (const file of shared.list("/")) {
    if (first.push(file) > 1) break;
  }
  const [file] = first;
  return first.length === 1 && file?.kind === "file" ? file : root;
}

customElements.define("cachette-link-view", LinkView);
