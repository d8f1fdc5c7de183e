// The first visit in three quiet steps: name the vault, keep the recovery words, connect a node. Or restore a vault from its words.

import { html, nothing, type TemplateResult } from "lit";

import "../components/invitation-form.ts";
import { failure, notice } from "../components/notice.ts";
import "../components/recovery-sheet.ts";
import { Part } from "../element.ts";
import { icon } from "../icons.ts";
import { preferences } from "../state/preferences.ts";
import { session } from "../state/session.ts";

type Step = "name" | "restore" | "sheet" | "confirm" | "connect" | "done";

const WORDS = 24;
const ASKED = 3;

class Welcome extends Part {
  #step: Step = session.phase.at === "recovery" ? "sheet" : "name";
  #busy = false;
  #error: unknown;
  /** Places of the words that are asked back. */
  #asked: number[] = [];
  #nodes: readonly string[] = [];

  constructor() {
    super();
    this.watch(session);
  }

  protected override render(): unknown {
    const wide = this.#step === "sheet" || this.#step === "done" ? "wide" : "";
    return html`<main class="welcome">
      <div class=${wide}>
        <div class="mark">${icon("vault")} Cachette</div>
        ${this.#step === "restore" ? "" : this.#steps()} ${this.#content()}
      </div>
    </main>`;
  }

  #steps(): TemplateResult {
    const of: [string, Step[]][] = [
      ["1 Name", ["name"]],
      ["2 Recovery words", ["sheet", "confirm"]],
      ["3 Connect a node", ["connect", "done"]],
    ];
    return html`<ol class="steps">
      ${of.map(([name, steps]) => html`<li aria-current=${steps.includes(this.#step) ? "step" : nothing}>${name}</li>`)}
    </ol>`;
  }

  #content(): TemplateResult {
    switch (this.#step) {
      case "name":
        return this.#name();
      case "restore":
        return this.#restore();
      case "sheet":
        return this.#sheet();
      case "confirm":
        return this.#confirm();
      case "connect":
        return this.#connect();
      case "done":
        return this.#done();
    }
  }

  #name(): TemplateResult {
    return html`<h1>Make a vault</h1>
      <p>
        A vault keeps your files on several machines at once, and none of those machines can read them. Everything is encrypted here, in
        this browser, before it leaves.
      </p>
      <form class="stack" @submit=${this.#make}>
        <div class="field">
          <label for="vault">What shall it be called?</label>
          <input id="vault" autocomplete="off" maxlength="60" placeholder="My vault" autofocus />
        </div>
        ${failure(this.#error)}
        <button class="meant" ?disabled=${this.#busy}>${this.#busy ? "Making the vault…" : "Make the vault"}</button>
      </form>
      <p class="or">
        Do you have a recovery sheet?
        <button class="text" @click=${() => this.#go("restore")}>Restore a vault from its words</button>
      </p>`;
  }

  #restore(): TemplateResult {
    return html`<h1>Restore a vault</h1>
      <p>Type what stands on the recovery sheet. One node that answers is enough.</p>
      <form class="stack" @submit=${this.#submitRestore}>
        <div class="field">
          <label for="words">The 24 words, in their order</label>
          <textarea id="words" rows="4" class="mono" spellcheck="false" autocapitalize="none" autocomplete="off" required></textarea>
        </div>
        <div class="field">
          <label for="nodes">Address of a node</label>
          <textarea
            id="nodes"
            rows="2"
            class="mono"
            spellcheck="false"
            autocomplete="off"
            placeholder="wss://…"
            aria-describedby="nodes-help"
            required
          ></textarea>
          <p id="nodes-help" class="soft small">As on the sheet, with everything behind the #. Several may stand on lines of their own.</p>
        </div>
        ${failure(this.#error)}
        <div class="row">
          <button class="meant" ?disabled=${this.#busy}>${this.#busy ? "Asking the nodes…" : "Restore"}</button>
          <button type="button" class="quiet" @click=${() => this.#go("name")}>Back</button>
        </div>
      </form>`;
  }

  #sheet(): TemplateResult {
    return html`<h1>Keep these words on paper</h1>
      <p>
        They are the only way back in when this browser's data is cleared, and whoever has them owns the vault. Nobody can make them again,
        and they are shown only now.
      </p>
      <cachette-recovery-sheet .words=${this.#words().join(" ")}></cachette-recovery-sheet>
      <button class="meant no-print" @click=${this.#askBack}>I have written them down</button>`;
  }

  #confirm(): TemplateResult {
    return html`<h1>Three of the words</h1>
      <p>Please type them from your sheet, so that you know that it can be read.</p>
      <form class="stack" @submit=${this.#check}>
        <div class="asked">
          ${this.#asked.map(
            (place) =>
              html`<div class="field">
                <label for="word-${place}">Word ${place + 1}</label>
                <input
                  id="word-${place}"
                  data-place=${place}
                  class="mono"
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck="false"
                  required
                />
              </div>`,
          )}
        </div>
        ${this.#error ? html`<div role="alert">${notice("risk", "That is not what the sheet says.", String(this.#error))}</div>` : ""}
        <div class="row">
          <button class="meant">Go on</button>
          <button type="button" class="quiet" @click=${() => this.#go("sheet")}>Show the words again</button>
        </div>
      </form>`;
  }

  #connect(): TemplateResult {
    return html`<h1>Connect a node</h1>
      <p>
        Nodes are machines that keep your encrypted copies. Files are safe once at least two of them have a copy; ask friends or your
        organisation for invitations, or run your own node.
      </p>
      <cachette-invitation-form @joined=${this.#joined}></cachette-invitation-form>
      <p class="or">
        <button class="text" @click=${() => session.finishRecovery()}>Later</button>: until then files stay in this browser only, and it may
        clear them.
      </p>`;
  }

  #done(): TemplateResult {
    return html`<h1>One more line for the sheet</h1>
      <p>Write the node's address under the words: with both, any browser opens the vault again.</p>
      <cachette-recovery-sheet .words=${this.#words().join(" ")} .nodes=${this.#nodes}></cachette-recovery-sheet>
      <div class="row no-print">
        <button class="meant" @click=${() => session.finishRecovery()}>Open the vault</button>
        <button class="quiet" @click=${() => this.#go("connect")}>Connect another node</button>
      </div>`;
  }

  #words(): string[] {
    return session.phase.at === "recovery" ? session.phase.recovery.words.split(" ") : [];
  }

  #go(step: Step): void {
    this.#step = step;
    this.#error = undefined;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      window.scrollTo(0, 0);
      this.find<HTMLElement>("[autofocus]")?.focus();
    });
  }

  #make = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const name = this.find<HTMLInputElement>("#vault")?.value.trim() ?? "";
    await this.#work(async () => {
      await session.make();
      preferences.set({ vault: name });
      this.#go("sheet");
    });
  };

  #submitRestore = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const text = (id: string): string[] => (this.find<HTMLTextAreaElement>(id)?.value ?? "").trim().split(/[\s,]+/);
    // People copy the numbers along.
    const words = text("#words").filter((word) => !/^\d+\.?$/.test(word));
    await this.#work(() => session.restore(words.join(" ").toLowerCase(), text("#nodes")));
  };

  #askBack = (): void => {
    const places = new Set<number>();
    while (places.size < ASKED) places.add(Math.floor(Math.random() * WORDS));
    this.#asked = [...places].sort((a, b) => a - b);
    this.#go("confirm");
  };

  #check = (event: SubmitEvent): void => {
    event.preventDefault();
    const words = this.#words();
    const wrong = [...this.querySelectorAll<HTMLInputElement>("[data-place]")].filter(
      (field) => field.value.trim().toLowerCase() !== words[Number(field.dataset["place"])],
    );
    if (wrong.length > 0) {
      this.#error = `Look at word ${wrong.map((field) => Number(field.dataset["place"]) + 1).join(" and word ")} again.`;
      wrong[0]?.focus();
      this.requestUpdate();
      return;
    }
    preferences.set({ confirmed: true });
    // The browser asks the person only after a gesture, and some never ask: the storage page tells what came of it.
    void session.peer.persist().catch(() => false);
    this.#go("connect");
  };

  #joined = async (): Promise<void> => {
    if (session.phase.at !== "recovery") return;
    this.#nodes = await session.phase.recovery.nodes().catch(() => []);
    this.#go("done");
  };

  async #work(work: () => Promise<void>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#error = undefined;
    this.requestUpdate();
    try {
      await work();
    } catch (error) {
      this.#error = error;
    }
    this.#busy = false;
    this.requestUpdate();
  }
}

customElements.define("cachette-welcome", Welcome);
