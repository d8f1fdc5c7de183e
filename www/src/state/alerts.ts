// What a person must know wherever in the app they are, until they have read it.

import type { PeerEvent } from "cachette";

import { Source } from "../element.ts";
import { preferences } from "./preferences.ts";
import { session } from "./session.ts";

export interface Alert {
  readonly weight: "care" | "risk";
  readonly what: string;
  readonly advice: string;
}

const UNCONFIRMED: Alert = {
  weight: "care",
  what: "The recovery words of this vault were never asked back.",
  advice:
    "They were shown once, when it was made, and cannot be shown again. If you have no sheet, remove the vault on the settings page and make a new one before you trust it with files.",
};
const FULL: Alert = {
  weight: "care",
  what: "This browser has no more room for Cachette.",
  advice: "What is on nodes stays there. New files wait until there is room: see the storage page.",
};

class Alerts extends Source {
  #all: readonly Alert[] = [];

  constructor() {
    super();
    session.onEvent((event) => this.#take(event));
    session.watch(() => {
      if (session.phase.at === "open" && !preferences.confirmed) this.#add(UNCONFIRMED);
      else if (!session.isOpen) this.#all = [];
    });
  }

  get all(): readonly Alert[] {
    return this.#all;
  }

  dismiss(alert: Alert): void {
    this.#all = this.#all.filter((other) => other !== alert);
    this.changed();
  }

  #take(event: PeerEvent): void {
    if (event.type === "storage-full") this.#add(FULL);
    if (event.type === "alarm") {
      const what = event.message.charAt(0).toUpperCase() + event.message.slice(1).replace(/[^.]$/, "$&.");
      this.#add({
        weight: "risk",
        what,
        advice: "Your files are as they were; what was offered was refused. Ask whoever runs the node.",
      });
    }
  }

  #add(alert: Alert): void {
    if (this.#all.some(({ what }) => what === alert.what)) return;
    this.#all = [...this.#all, alert];
    this.changed();
  }
}

export const alerts = new Alerts();
