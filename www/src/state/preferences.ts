// What this browser remembers of how a person wants the app: kept in local storage, holds no secret.

import { Source } from "../element.ts";

export type Theme = "system" | "light" | "dark";

const KEY = "cachette-preferences";

interface Kept {
  theme: Theme;
  /** What the person calls the vault; other devices do not see it. */
  vault: string;
  /** The recovery words were shown and asked back. */
  confirmed: boolean;
}

class Preferences extends Source {
  #kept: Kept = { theme: "system", vault: "", confirmed: false };

  constructor() {
    super();
    this.#read();
    window.addEventListener("storage", ({ key }) => {
      if (key !== KEY) return;
      this.#read();
      this.changed();
    });
  }

  get theme(): Theme {
    return this.#kept.theme;
  }

  get vault(): string {
    return this.#kept.vault || "My vault";
  }

  get confirmed(): boolean {
    return this.#kept.confirmed;
  }

  set(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#kept));
    } catch {
      // Without local storage the choice lasts as long as the page.
    }
    this.#show();
    this.changed();
  }

  #read(): void {
    try {
      this.#kept = { ...this.#kept, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
    } catch {
      // As on the first visit.
    }
    this.#show();
  }

  #show(): void {
    document.documentElement.dataset["theme"] = this.theme;
  }
}

export const preferences = new Preferences();
