// What went wrong, where it happened: what it is, what it means, what to do now.

import { html, nothing, type TemplateResult } from "lit";

import { icon } from "../icons.ts";
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
