// What every element of the app has in common, and what tells elements that something changed.

import { LitElement } from "lit";

/** Something that changes and tells whoever watches it. */
export class Source {
  readonly #watchers = new Set<() => void>();

  /** Calls back after every change until the returned function is called. */
  watch(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => this.#watchers.delete(callback);
  }

  /** Tells everybody. */
  protected changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/**
 * An element without a shadow: labels and ids reach each other, and one stylesheet reaches everything. It is drawn again after every
 * change of what it watches, and when it says so itself.
 */
export abstract class Part extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Draws this element anew after every change of these, for as long as it is on the page. */
  protected watch(...sources: Source[]): void {
    let unwatch: (() => void)[] = [];
    this.addController({
      hostConnected: () => {
        unwatch = sources.map((source) => source.watch(() => this.requestUpdate()));
      },
      hostDisconnected: () => {
        for (const stop of unwatch) stop();
      },
    });
  }

  /** Calls back every so many milliseconds for as long as this element is on a page that is seen. */
  protected every(milliseconds: number, callback: () => void): void {
    let timer: number | undefined;
    this.addController({
      hostConnected: () => {
        timer = window.setInterval(() => {
          if (!document.hidden) callback();
        }, milliseconds);
      },
      hostDisconnected: () => window.clearInterval(timer),
    });
  }

  /** Returns the one element that a selector finds in this one. */
  protected find<T extends Element>(selector: string): T | null {
    return this.querySelector<T>(selector);
  }
}
