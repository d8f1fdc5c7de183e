// The frame around an open vault: five places in one column, or in a bar at the bottom on a phone.

import { html, nothing, type TemplateResult } from "lit";

import "../components/keys-help.ts";
import { notice } from "../components/notice.ts";
import { safety } from "../components/safety.ts";
import "../components/tray.ts";
import { Part } from "../element.ts";
import { icon } from "../icons.ts";
import { type Place, PLACES, route } from "../route.ts";
import { preferences } from "../state/preferences.ts";
import { alerts } from "../state/alerts.ts";
import { health } from "../state/health.ts";
import "./files.ts";
import "./links.ts";
import "./network.ts";
import "./settings.ts";
import "./storage.ts";

const NAMES: Record<Place, string> = { files: "Files", network: "Network", links: "Links", storage: "Storage", settings: "Settings" };

class Shell extends Part {
  constructor() {
    super();
    this.watch(route, preferences, health, alerts);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const type of ["dragover", "drop"] as const) window.addEventListener(type, keep);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const type of ["dragover", "drop"] as const) window.removeEventListener(type, keep);
  }

  protected override render(): unknown {
    return html`<nav class="navigation" aria-label="Places">
        <a class="skip button" href="#page" @click=${this.#skip}>Skip to the content</a>
        <div class="brand"><strong title=${preferences.vault}>${preferences.vault}</strong></div>
        <ul>
          ${PLACES.map((place) => this.#link(place))}
        </ul>
        <div class="foot soft" role="status">${this.#foot()}</div>
      </nav>
      <main class="page" id="page" tabindex="-1" aria-label=${NAMES[route.place]}>${this.#alerts()} ${this.#page()}</main>
      <cachette-tray></cachette-tray>
      <cachette-keys></cachette-keys>`;
  }

  protected override updated(): void {
    document.title = `${NAMES[route.place]} – ${preferences.vault}`;
  }

  #link(place: Place): TemplateResult {
    const open = (event: MouseEvent): void => {
      event.preventDefault();
      // Where one is already, the way back to the top.
      route.go(place, place === route.place ? "/" : route.folder);
    };
    return html`<li>
      <a href="#${place}" aria-current=${place === route.place ? "page" : nothing} @click=${open}>${icon(place)}${NAMES[place]}</a>
    </li>`;
  }

  #foot(): TemplateResult | typeof nothing {
    const status = health.status;
    if (!status) return nothing;
    if (status.nodes === 0) return html`${safety("local")}<br />No node is connected.`;
    return html`${safety(status.safety)}<br />${status.answering} of ${status.nodes} nodes answer`;
  }

  /** What a person must know wherever they are. */
  #alerts(): TemplateResult | typeof nothing {
    if (alerts.all.length === 0) return nothing;
    return html`<div class="alerts">
      ${alerts.all.map(
        (alert) =>
          html`<div class="row" role="alert">
            <div class="grow">${notice(alert.weight, alert.what, alert.advice)}</div>
            <button class="quiet only-icon" aria-label="I have read it" @click=${() => alerts.dismiss(alert)}>${icon("close")}</button>
          </div>`,
      )}
    </div>`;
  }

  #page(): TemplateResult {
    switch (route.place) {
      case "files":
        return html`<cachette-files></cachette-files>`;
      case "network":
        return html`<cachette-network></cachette-network>`;
      case "links":
        return html`<cachette-links></cachette-links>`;
      case "storage":
        return html`<cachette-storage></cachette-storage>`;
      case "settings":
        return html`<cachette-settings></cachette-settings>`;
    }
  }

  #skip = (event: MouseEvent): void => {
    event.preventDefault();
    this.find<HTMLElement>("#page")?.focus();
  };
}

/** A file that is dropped where nothing takes it must not replace the page. */
function keep(event: DragEvent): void {
  event.preventDefault();
}

customElements.define("cachette-shell", Shell);
