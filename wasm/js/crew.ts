// The workers of one service: the peer worker, and the sealing worker that it starts and that ends with it.

import { type Port, workerPort } from "./channel.js";
import { CachetteError } from "./errors.js";
import type { ToService, ToView } from "./protocol.js";
import { isWord, type Order, type Role, type Word } from "./worker-protocol.js";

/** What a crew is made of. */
export interface CrewPlan {
  readonly module: WebAssembly.Module;
  /** The address of the workers' script, if it is not beside this one. */
  readonly script: URL | string | undefined;
  /** What the worker is to be. */
  readonly role: Role;
}

/** A crew at work. */
export class Crew {
  /** The way to the service. */
  readonly view: Port<ToService, ToView>;
  readonly #peer: Worker;
  #closed: (() => void) | undefined;

  constructor({ module, script, role }: CrewPlan, onWord: (word: Word) => void) {
    this.#peer = start(script);
    const view = workerPort<ToService, ToView>(this.#peer);
    this.view = view;
    this.#peer.onmessage = ({ data }: MessageEvent<Word | ToView>) => {
      if (!isWord(data)) view.take(data);
      else if (data.word === "closed") this.#closed?.();
      else onWord(data);
    };
    this.#peer.onerror = (event) => {
      event.preventDefault?.();
      onWord({ word: "fatal", code: "internal", message: event.message ?? "the worker's script could not be loaded" });
    };
    this.#peer.postMessage({ order: "begin", module, role } satisfies Order);
  }

  /** Lets the service end in order, if it does so soon, and ends it then. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      setTimeout(resolve, PATIENCE_MS);
      this.#peer.postMessage({ order: "close" } satisfies Order);
    });
    this.end();
  }

  /** Ends the workers at once. What they stored is whole. */
  end(): void {
    this.#peer.terminate();
  }
}

function start(script: URL | string | undefined): Worker {
  const name = "cachette peer";
  try {
    // Bundlers look for exactly these words.
    if (script === undefined) return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name });
    return new Worker(script, { type: "module", name });
  } catch (error) {
    throw new CachetteError("unsupported", "the browser starts no worker from this address", {
      hint: "serve `cachette/worker` from the page's own origin and give its address as `worker`",
      cause: error,
    });
  }
}

/** A service that does not end within this time is ended. */
const PATIENCE_MS = 1000;
