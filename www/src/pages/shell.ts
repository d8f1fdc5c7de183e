// The frame around an open vault: five places in one column, or in a bar at the bottom on a phone.

import { html, nothing, type TemplateResult } from "lit";

import "../components/keys-help.ts";
import "../components/tray.ts";
import { Part } from "../element.ts";
import { icon } from "../icons.ts";
import { type Place, PLACES, route } from "../route.ts";
import { preferences } from "../state/preferences.ts";
import { health } from "../state/health.ts";
import { safety } from "../components/safety.ts";
import "./files.ts";
import "./links.ts";
import "./network.ts";
import "./settings.ts";
import "./storage.ts";

const NAMES: Record<Place, string> = { files: "Files", network: "Network", links: "Links", storage: "Storage", settings: "Settings" };

class Shell extends Part {
  constructor() {
    super();
    this.watch(route, preferences, health);
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
      <main class="page" id="page" tabindex="-1" aria-label=${NAMES[route.place]}>${this.#page()}</main>
      <cachette-tray></cachette-tray>
      <cachette-keys></cachette-keys>`;
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

customElements.define("cachette-shell", Shell);
