// Questions that need an answer before anything else goes on: one at a time, in the browser's own modal dialog.

import { html, nothing, type TemplateResult } from "lit";

import { Part } from "../element.ts";

interface Question {
  readonly body: (answer: (value: unknown) => void) => TemplateResult;
  readonly name: string;
  readonly answered: (value: unknown) => void;
}

class Dialogs extends Part {
  #question: Question | undefined;

  ask(question: Question): void {
    this.#answer(undefined);
    this.#question = question;
    this.requestUpdate();
    void this.updateComplete.then(() => this.find<HTMLDialogElement>("dialog")?.showModal());
  }

  protected override render(): unknown {
    const question = this.#question;
    if (!question) return nothing;
    return html`<dialog aria-label=${question.name} @close=${() => this.#answer(undefined)} @click=${this.#outside}>
      ${question.body((value) => this.#answer(value))}
    </dialog>`;
  }

  /** A click beside the dialog is no answer. */
  #outside = (event: MouseEvent): void => {
    if (event.target === event.currentTarget) this.#answer(undefined);
  };

  #answer(value: unknown): void {
    const question = this.#question;
    this.#question = undefined;
    this.find<HTMLDialogElement>("dialog")?.close();
    this.requestUpdate();
    question?.answered(value);
  }
}

customElements.define("cachette-dialogs", Dialogs);

/** Asks; the answer is `undefined` when the person closed the dialog. */
export function ask<T>(name: string, body: (answer: (value: T | undefined) => void) => TemplateResult): Promise<T | undefined> {
  const host = document.querySelector<Dialogs>("cachette-dialogs");
  if (!host) return Promise.resolve(undefined);
  return new Promise((resolve) =>
    host.ask({
      name,
      body: body as (answer: (value: unknown) => void) => TemplateResult,
      answered: (value) => resolve(value as T | undefined),
    }),
  );
}

/** Asks for one line of text. */
export function askText(
  name: string,
  options: { label: string; value?: string; select?: number; action: string },
): Promise<string | undefined> {
  return ask<string>(name, (answer) => {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const text = (event.currentTarget as HTMLFormElement).querySelector("input")?.value.trim();
      if (text) answer(text);
    };
    return html`<form class="stack" @submit=${submit}>
      <h2>${name}</h2>
      <div class="field">
        <label for="answer">${options.label}</label>
        <input
          id="answer"
          autocomplete="off"
          autofocus
          .value=${options.value ?? ""}
          @focus=${(event: FocusEvent) => selectName(event, options.select)}
        />
      </div>
      <div class="actions">
        <button type="button" @click=${() => answer(undefined)}>Cancel</button>
        <button class="meant">${options.action}</button>
      </div>
    </form>`;
  });
}

/** Asks for one of several ways to go on; the first is the one that harms least. */
export function choose<T extends string>(
  name: string,
  text: string,
  ways: readonly { value: T; words: string; danger?: boolean }[],
): Promise<T | undefined> {
  return ask<T>(
    name,
    (answer) =>
      html`<div class="stack">
        <h2>${name}</h2>
        <p>${text}</p>
        <div class="actions">
          <button @click=${() => answer(undefined)}>Cancel</button>
          ${ways.map(
            ({ value, words, danger }, index) =>
              html`<button class=${danger ? "danger" : ""} ?autofocus=${index === 0} @click=${() => answer(value)}>${words}</button>`,
          )}
        </div>
      </div>`,
  );
}

/** Selects a name up to its ending, which is seldom what somebody wants to change. */
function selectName(event: FocusEvent, end: number | undefined): void {
  const input = event.target as HTMLInputElement;
  input.setSelectionRange(0, end ?? input.value.length);
}
