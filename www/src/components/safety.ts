// The one thing that must never be misread: how safe something is. Always a word, a colour and a shape of its own.

import type { Copies, Safety } from "cachette";
import { html, nothing, svg, type TemplateResult } from "lit";

const WORDS: Record<Safety, string> = {
  local: "local",
  "on-its-way": "on its way",
  safe: "safe",
  "at-risk": "at risk",
};

/** What each state means, for whoever points at it. */
export const MEANINGS: Record<Safety, string> = {
  local: "Only on this device",
  "on-its-way": "Being copied to nodes at this moment",
  safe: "At least the agreed number of nodes keep it",
  "at-risk": "Fewer nodes than agreed keep it",
};

const SHAPES = {
  local: svg`<circle cx="7" cy="7" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/>`,
  "on-its-way": svg`<circle cx="7" cy="7" r="5.25" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M7 1.75a5.25 5.25 0 0 1 0 10.5z" fill="currentColor"/>`,
  safe: svg`<circle cx="7" cy="7" r="6" fill="currentColor"/><path d="m4.2 7.2 2 2 3.6-4.2" fill="none" stroke="var(--paper)" stroke-width="1.5"/>`,
  "at-risk": svg`<path d="M7 1 13.5 12.5H.5z" fill="currentColor"/><path d="M7 5v3.5m0 1.6v.6" fill="none" stroke="var(--paper)" stroke-width="1.4"/>`,
};

/** The state with its shape; with the number of copies where that is known. */
export function safety(state: Safety, copies?: Copies): TemplateResult {
  const number =
    copies === undefined || state === "local" ? nothing : html`<span class="soft">${copies.durable} of ${copies.wanted}</span>`;
  return html`<span class="safety ${state}" title=${MEANINGS[state]}>${mark(state)}<span>${WORDS[state]}</span>${number}</span>`;
}

/** The shape alone, beside words that say the same. */
export function mark(state: Safety): TemplateResult {
  return html`<svg viewBox="0 0 14 14" aria-hidden="true">${SHAPES[state]}</svg>`;
}
