// The workers of one service: the peer worker and the sealing worker, started together and ended together.

import { type Port, workerPort } from "./channel.js";
import type { Job } from "./bindings.js";
import { CachetteError } from "./errors.js";
import type { ToService, ToView } from "./protocol.js";
import { isJob, isWord, type Order, pass, type Word } from "./worker-protocol.js";

/** What a crew is made of. */
export interface CrewPlan {
  readonly module: WebAssembly.Module;
  /** The address of the workers' script, if it is not beside this one. */
  readonly script: URL | string | undefined;
  /** What the first worker is to be. */
  readonly role: { readonly role: "peer"; readonly name: string; readonly service: string; readonly again: boolean } | { readonly role: "link"; readonly link: string };
}

/** A crew at work. */
export class Crew {
  /** The view's end of the way to the service. */
  readonly view: Port<ToService, ToView>;
  readonly #peer: Worker;
  readonly #sealing: Worker;
  #closed: (() => void) | undefined;

  constructor({ module, script, role }: CrewPlan, onWord: (word: Word) => void) {
    this.#peer = start(script, "cachette peer");
    this.#sealing = start(script, "cachette sealing");
    const view = workerPort<ToService, ToView>(this.#peer);
    this.view = view;
    const join = (worker: Worker, other: Worker) => {
      worker.onmessage = ({ data }: MessageEvent<Word | Job | ToView>) => {
        if (isJob(data)) pass(data, other);
        else if (!isWord(data)) view.take(data);
        else if (data.word === "closed") this.#closed?.();
        else onWord(data);
      };
      worker.onerror = (event) => {
        event.preventDefault?.();
        onWord({ word: "fatal", code: "internal", message: event.message ?? "the worker's script could not be loaded" });
      };
    };
    join(this.#peer, this.#sealing);
    join(this.#sealing, this.#peer);
    const locks = new MessageChannel();
    const tell = (worker: Worker, order: Order, port: MessagePort) => worker.postMessage(order, [port]);
    tell(this.#sealing, { role: "sealing", module, locks: locks.port2 }, locks.port2);
    if (role.role === "peer") tell(this.#peer, { ...role, module, locks: locks.port1 }, locks.port1);
    else this.#peer.postMessage({ ...role, module } satisfies Order);
  }

  /** Lets the service end in order, if it does so soon, and ends it then. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      setTimeout(resolve, PATIENCE_MS);
      this.#peer.postMessage({ role: "close" } satisfies Order);
    });
    this.end();
  }

  /** Ends the workers at once. What they stored is whole. */
  end(): void {
    this.#peer.terminate();
    this.#sealing.terminate();
  }
}

function start(script: URL | string | undefined, name: string): Worker {
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
