// What is on the screen: a link that somebody opened, the way to an open vault, or the vault.

import { html, type TemplateResult } from "lit";

import "../components/dialog.ts";
import { Part } from "../element.ts";
import { route } from "../route.ts";
import { session } from "../state/session.ts";
import "./link-view.ts";
import "./shell.ts";
import "./threshold.ts";
import "./welcome.ts";

class App extends Part {
  constructor() {
    super();
    this.watch(route, session);
  }

  protected override render(): unknown {
    return html`${this.#page()}<cachette-dialogs></cachette-dialogs>`;
  }

  #page(): TemplateResult {
    if (route.link !== undefined) return html`<cachette-link-view .link=${route.link}></cachette-link-view>`;
    switch (session.phase.at) {
      case "open":
        return html`<cachette-shell></cachette-shell>`;
      case "new":
      case "recovery":
        return html`<cachette-welcome></cachette-welcome>`;
      default:
        return html`<cachette-threshold></cachette-threshold>`;
    }
  }
}

customElements.define("cachette-app", App);
