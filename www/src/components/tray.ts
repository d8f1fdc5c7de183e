// The tray at the bottom: what is on its way into the vault, per file and in sum, and what was just deleted and can still come back.

import { html, nothing, type TemplateResult } from "lit";

import { Part } from "../element.ts";
import { count, counted, size } from "../format.ts";
import { icon } from "../icons.ts";
import { title } from "../paths.ts";
import { type Sum, type Transfer, transfers } from "../state/transfers.ts";
import { trash, UNDO_FOR } from "../state/trash.ts";
import { trouble } from "../trouble.ts";
import { failure } from "./notice.ts";
import { safety } from "./safety.ts";

/** Rows shown at most: those that move, then those that failed, then the rest. */
const ROWS = 60;
/** Screen readers hear of progress this often. */
const SAY_EVERY = 5_000;

class Tray extends Part {
  #isOpen = false;
  #said = "";
  #saidAt = 0;

  constructor() {
    super();
    this.watch(transfers, trash);
  }

  protected override render(): unknown {
    return html`${this.#undo()} ${this.#transfers()}`;
  }

  #undo(): TemplateResult | typeof nothing {
    if (trash.error !== undefined) return html`<div class="tray-line">${failure(trash.error)}</div>`;
    const batch = trash.waiting;
    if (!batch) return nothing;
    const [first] = batch.paths;
    const what = batch.paths.size === 1 && first !== undefined ? `“${title(first)}”` : counted(batch.paths.size, "item");
    return html`<div class="tray-line" role="status">
      <span>Deleting ${what} in ${UNDO_FOR / 1000} seconds</span>
      <button @click=${() => trash.undo()}>Undo</button>
    </div>`;
  }

  #transfers(): TemplateResult | typeof nothing {
    const { sum } = transfers;
    if (transfers.error !== undefined && sum.files === 0) return html`<div class="tray-line">${failure(transfers.error)}</div>`;
    if (sum.files === 0) return nothing;
    const share = sum.bytes === 0 ? (sum.done + sum.failed) / sum.files : (sum.sealed + sum.sent) / (2 * sum.bytes);
    return html`<section class="tray" aria-label="Files on their way">
      <div class="tray-head">
        <button
          class="quiet tray-sum"
          aria-expanded=${this.#isOpen}
          @click=${() => {
            this.#isOpen = !this.#isOpen;
            this.requestUpdate();
          }}
        >
          <span class="figures">${summary(sum)}</span>
        </button>
        ${
          sum.isBusy
            ? html`<button @click=${() => transfers.cancel()}>Cancel</button>`
            : html`<button class="quiet only-icon" aria-label="Close the tray" @click=${() => transfers.clear()}>${icon("close")}</button>`
        }
      </div>
      ${
        sum.isBusy
          ? html`<progress aria-label="All files" max="1" value=${Math.min(1, share)}></progress>
              <p class="small soft figures">${size(sum.sealed)} sealed · ${size(sum.sent)} sent · ${size(sum.bytes)} in all</p>`
          : nothing
      }
      ${this.#isOpen ? this.#list() : nothing}
      <p class="unseen" role="status">${this.#say(sum)}</p>
    </section>`;
  }

  #list(): TemplateResult {
    const all = transfers.all;
    const moving = all.filter(({ step }) => step === "sealing" || step === "sending");
    const failed = all.filter(({ step }) => step === "failed");
    const rest = all.filter((transfer) => !moving.includes(transfer) && !failed.includes(transfer));
    const shown = [...moving.slice(0, ROWS), ...failed.slice(0, ROWS), ...rest.slice(-ROWS)].slice(0, ROWS);
    const hidden = all.length - shown.length;
    return html`<ul class="tray-list">
      ${shown.map((transfer) => this.#row(transfer))}
      ${hidden > 0 ? html`<li class="soft small">and ${counted(hidden, "more file")}</li>` : nothing}
    </ul>`;
  }

  #row(transfer: Transfer): TemplateResult {
    const share = transfer.total === 0 ? 0 : (transfer.sealed + transfer.sent) / (2 * transfer.total);
    const isMoving = transfer.step === "sealing" || transfer.step === "sending";
    return html`<li>
      <span class="name" title=${transfer.path}>${title(transfer.path)}</span>
      <span class="figures soft">${size(transfer.total)}</span>
      <span class="how">${how(transfer)}</span>
      ${
        isMoving || transfer.step === "waiting"
          ? html`<button class="quiet only-icon" aria-label="Cancel ${title(transfer.path)}" @click=${() => transfers.cancel(transfer)}>
              ${icon("close")}
            </button>`
          : nothing
      }
      ${isMoving ? html`<progress aria-label=${title(transfer.path)} max="1" value=${Math.min(1, share)}></progress>` : nothing}
    </li>`;
  }

  #say(sum: Sum): string {
    const now = performance.now();
    if (!sum.isBusy || now - this.#saidAt > SAY_EVERY) {
      this.#said = summary(sum);
      this.#saidAt = now;
    }
    return this.#said;
  }
}

/** One line that says the truth about all of them. */
function summary(sum: Sum): string {
  const failed = sum.failed > 0 ? ` · ${count(sum.failed)} failed` : "";
  if (sum.isBusy) return `${count(sum.done)} of ${counted(sum.files, "file")} done${failed}`;
  const states = new Set(transfers.all.map(({ step }) => step));
  const kept = sum.files - sum.failed - sum.cancelled;
  const cancelled = sum.cancelled > 0 ? ` · ${count(sum.cancelled)} cancelled` : "";
  if (kept === 0) return `Nothing was added${failed}${cancelled}`;
  const where = states.has("at-risk") ? "at risk" : states.has("local") ? "local, on this device only" : "safe";
  return `${counted(kept, "file")}, ${size(sum.bytes)}: ${where}${failed}${cancelled}`;
}

function how(transfer: Transfer): unknown {
  switch (transfer.step) {
    case "safe":
      return safety("safe", transfer.copies);
    case "local":
      return safety("local");
    case "at-risk":
      return safety("at-risk", transfer.copies);
    case "sealing":
    case "sending":
      return html`<span class="soft">${transfer.step}</span>`;
    case "failed":
      return html`<span class="safety at-risk">${trouble(transfer.error).what}</span>`;
    default:
      return html`<span class="soft">${transfer.step}</span>`;
  }
}

customElements.define("cachette-tray", Tray);
