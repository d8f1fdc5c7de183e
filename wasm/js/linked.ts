// The service behind a read link: one shared tab, one view, nothing that is kept.

import type { Bindings, Job, Readable, TabEvent } from "./bindings.js";
import type { Port } from "./channel.js";
import { CachetteError, isTrap } from "./errors.js";
import { get } from "./getting.js";
import { LOOKING, type Method } from "./methods.js";
import type { GetInput, ToService, ToView } from "./protocol.js";
import { View, type Work } from "./service.js";

/** What a link is opened on. */
export interface LinkGround {
  readonly bindings: Bindings;
  readonly link: string;
  readonly sealers: readonly Port<Job, Job>[];
}

/** The service of one link. */
export class LinkService {
  readonly #ground: LinkGround;
  readonly #fatal: (code: string, message: string) => void;
  #tab: Promise<Readable> | undefined;
  #open: Readable | undefined;
  #view: View | undefined;

  constructor(ground: LinkGround, fatal: (code: string, message: string) => void) {
    this.#ground = ground;
    this.#fatal = fatal;
  }

  serve(port: Port<ToView, ToService>): void {
    this.#view = new View(port, this);
  }

  async close(): Promise<void> {
    await this.#open?.close();
  }

  leave(view: View): void {
    view.end();
  }

  /** A link is open only while it is looked at. */
  suspend(): void {}

  reading(): Readable {
    if (!this.#open) throw new CachetteError("closed", "this link is closed");
    return this.#open;
  }

  async run(method: string, input: unknown, work: Work): Promise<unknown> {
    try {
      if (method === "open") return await this.#first();
      if (method === "get") return await get(this.reading(), input as GetInput, work);
      const run = (LOOKING as { [name: string]: Method<unknown, unknown, LinkService> })[method];
      if (!run) throw new CachetteError("no-right", "a link only shows files");
      return await run(this, input, work);
    } catch (error) {
      if (isTrap(error)) this.#fatal("internal", (error as Error).message);
      throw error;
    }
  }

  async #first(): Promise<{ peer: string; vault: string }> {
    const { bindings, link, sealers } = this.#ground;
    const onEvent = (event: TabEvent) => {
      if (event.type === "fatal") this.#fatal(event.code, event.message);
      else this.#view?.send({ type: "event", event });
    };
    this.#tab ??= bindings.SharedTab.open({ link, sealers, onEvent });
    this.#open = await this.#tab;
    return { peer: "", vault: "" };
  }
}
