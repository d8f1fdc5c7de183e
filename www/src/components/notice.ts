// What went wrong, where it happened: what it is, what it means, what to do now.

import { html, nothing, type TemplateResult } from "lit";

import { icon } from "../icons.ts";
import { title } from "../paths.ts";
import { trouble } from "../trouble.ts";

export type Weight = "risk" | "care" | "plain";

/** A remark in the flow of a page. */
export function notice(weight: Weight, what: string, advice: unknown = nothing): TemplateResult {
  return html`<div class="notice ${weight}">
    ${icon(weight === "plain" ? "info" : "warning")}
    <div><strong>${what}</strong> ${advice}</div>
  </div>`;
}

/** An error in the flow of a page; read out when it appears. */
export function failure(error: unknown): TemplateResult | typeof nothing {
  if (error === undefined) return nothing;
  const { what, advice } = trouble(error);
  return html`<div role="alert">${notice("risk", what, advice)}</div>`;
}

/** What a download did not take along. */
export function leftOut(paths: readonly string[]): TemplateResult | typeof nothing {
  if (paths.length === 0) return nothing;
  const named = paths.slice(0, NAMED).map(title).join(", ");
  const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : "";
  return html`<div role="status">
    ${notice("care", `Not in the archive: ${named}${more}.`, "An archive holds files and folders; cachette get brings everything.")}
  </div>`;
}

/** So many are named; the others are counted. */
const NAMED = 3;
