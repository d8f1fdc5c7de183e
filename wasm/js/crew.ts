// The workers of one service: the peer worker and the sealing worker, started together and ended together.

import { CachetteError } from "./errors.js";
import type { Order, Role, Word } from "./worker.js";

/** What a crew is made of. */
export interface CrewPlan {
  readonly module: WebAssembly.Module;
  /** The address of the workers' script, if it is not beside this one. */
  readonly script: URL | string | undefined;
  /** What the first worker is to be. Ports come from the crew. */
  readonly role: { readonly role: "peer"; readonly name: string; readonly service: string; readonly again: boolean } | { readonly role: "link"; readonly link: string };
}

/** A crew at work. */
export class Crew {
  /** The view's end of the way to the service. */
  readonly view: MessagePort;
  readonly #peer: Worker;
  readonly #sealing: Worker;
  #closed: (() => void) | undefined;

  constructor({ module, script, role }: CrewPlan, onWord: (word: Word) => void) {
    this.#peer = start(script, "cachette peer");
    this.#sealing = start(script, "cachette sealing");
    for (const worker of [this.#peer, this.#sealing]) {
      worker.onmessage = ({ data }: MessageEvent<Word>) => {
        if (data.type === "closed") this.#closed?.();
        else onWord(data);
      };
      worker.onerror = (event) => {
        event.preventDefault?.();
        onWord({ type: "fatal", code: "internal", message: event.message ?? "the worker's script could not be loaded" });
      };
    }
    const [view, jobs, locks] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
    this.view = view.port1;
    const tell = (worker: Worker, message: Role, ports: MessagePort[]) => worker.postMessage(message, ports);
    tell(this.#sealing, { role: "sealing", module, jobs: jobs.port2, locks: locks.port2 }, [jobs.port2, locks.port2]);
    if (role.role === "peer") {
      const ports = [view.port2, jobs.port1, locks.port1];
      tell(this.#peer, { ...role, module, view: view.port2, jobs: jobs.port1, locks: locks.port1 }, ports);
    } else {
      tell(this.#peer, { ...role, module, view: view.port2, jobs: jobs.port1 }, [view.port2, jobs.port1]);
    }
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
