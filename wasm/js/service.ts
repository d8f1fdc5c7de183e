// The service: runs one peer for all views. Takes their calls, answers them, and forgets a view that is gone.

import type { Readable, TabEvent } from "./bindings.js";
import type { Port } from "./channel.js";
import { CachetteError, isTrap, toPlain } from "./errors.js";
import { get } from "./getting.js";
import { METHODS, type Method } from "./methods.js";
import { Opening, type Ground } from "./opening.js";
import type { GetInput, ToService, ToView } from "./protocol.js";

/** One call, as what works on it sees it. */
export interface Work {
  /** An earlier service may have done it already. */
  readonly again: boolean;
  /** Aborted when the view wants it no more or is gone. */
  readonly signal: AbortSignal;
  progress(value: unknown): void;
  /** Invites bytes of a stream, and takes them; `undefined` is the end. */
  invite(bytes: number): void;
  chunk(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The view takes so many more bytes. */
  credit(bytes: number): void;
  /** Gives bytes out, as soon as there is credit. */
  give(bytes: Uint8Array): Promise<void>;
}

/** What the service tells whoever runs it. */
export interface Owner {
  /** The wasm instance is broken: this service must be thrown away. */
  fatal(code: string, message: string): void;
  /** The vault was locked. */
  locked(): void;
}

/** A service. */
export class Service {
  readonly opening: Opening;
  readonly #owner: Owner;
  readonly #views = new Set<View>();

  constructor(ground: Omit<Ground, "onEvent">, owner: Owner) {
    this.#owner = owner;
    this.opening = new Opening({ ...ground, onEvent: (event) => this.#take(event) });
  }

  /** Serves a view until it says good-bye, or until the function that is returned is called. */
  serve(port: Port<ToView, ToService>): () => void {
    const view = new View(port, this);
    this.#views.add(view);
    this.suspend();
    return () => this.leave(view);
  }

  /** Ends the service in order. */
  async close(): Promise<void> {
    await this.opening.close();
  }

  leave(view: View): void {
    view.end();
    this.#views.delete(view);
    this.suspend();
  }

  /** Tells the driver whether anybody looks. */
  suspend(): void {
    const suspended = ![...this.#views].some((view) => view.visible);
    try {
      this.opening.vault().tab.suspend(suspended);
    } catch (error) {
      // Nothing is open yet.
      this.trap(error);
    }
  }

  async run(method: string, input: unknown, work: Work): Promise<unknown> {
    try {
      if (method === "get") return await get(this.reading(), input as GetInput, work);
      const run = (METHODS as { [name: string]: Method<unknown, unknown> })[method];
      if (!run) throw new CachetteError("internal", `no method ${method}`);
      const value = await run(this, input, work);
      if (method === "open") this.suspend();
      if (method === "setPassword") {
        const { session } = value as { session: CryptoKey | undefined };
        for (const view of this.#views) view.send({ type: "session", session });
      }
      if (method === "lock") this.#owner.locked();
      return value;
    } catch (error) {
      this.trap(error);
      throw error;
    }
  }

  /** What is read from. */
  reading(): Readable {
    return this.opening.vault().tab;
  }

  trap(error: unknown): void {
    if (isTrap(error)) this.#owner.fatal("internal", (error as Error).message);
  }

  #take(event: TabEvent): void {
    if (event.type === "fatal") return this.#owner.fatal(event.code, event.message);
    for (const view of this.#views) view.send({ type: "event", event });
  }
}

/** One view. */
export class View {
  visible = true;
  readonly #port: Port<ToView, ToService>;
  readonly #calls = new Map<number, Running>();

  constructor(port: Port<ToView, ToService>, service: Pick<Service, "run" | "leave" | "suspend">) {
    this.#port = port;
    port.onmessage = (message) => {
      if (message.type === "call") this.#run(service, message);
      else if (message.type === "ping") port.send({ type: "pong" });
      else if (message.type === "bye") service.leave(this as never);
      else if (message.type === "visible") {
        this.visible = message.visible;
        service.suspend();
      } else this.#calls.get(message.id)?.take(message);
    };
  }

  /** Sends what is no answer. */
  send(message: ToView): void {
    this.#port.send(message);
  }

  /** Gives up what it wanted. */
  end(): void {
    const gone = new CachetteError("closed", "the tab that asked is gone");
    for (const running of this.#calls.values()) running.abort(gone);
    this.#port.close();
  }

  #run(service: Pick<Service, "run">, { id, method, input, again }: ToService & { type: "call" }): void {
    const running = new Running(id, again, this.#port);
    this.#calls.set(id, running);
    service
      .run(method, input, running)
      .then(
        (value) => this.#port.send({ type: "result", id, value }),
        (error: unknown) => this.#port.send({ type: "error", id, error: toPlain(error) }),
      )
      .finally(() => this.#calls.delete(id));
  }
}

/** A call that is worked on. */
class Running implements Work {
  readonly again: boolean;
  readonly #id: number;
  readonly #port: Port<ToView, ToService>;
  readonly #abort = new AbortController();
  readonly #chunks: (Uint8Array<ArrayBuffer> | undefined)[] = [];
  #credit = 0;
  #wake: (() => void) | undefined;

  constructor(id: number, again: boolean, port: Port<ToView, ToService>) {
    this.#id = id;
    this.again = again;
    this.#port = port;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  take(message: ToService): void {
    if (message.type === "abort") this.abort(new CachetteError("cancelled", "given up"));
    else if (message.type === "chunk") this.#chunks.push(new Uint8Array(message.bytes));
    else if (message.type === "end") this.#chunks.push(undefined);
    else if (message.type === "credit") this.credit(message.bytes);
    this.#wake?.();
  }

  credit(bytes: number): void {
    this.#credit += bytes;
  }

  abort(reason: CachetteError): void {
    this.#abort.abort(reason);
    this.#wake?.();
  }

  progress(value: unknown): void {
    this.#port.send({ type: "progress", id: this.#id, value });
  }

  invite(bytes: number): void {
    this.#port.send({ type: "room", id: this.#id, bytes });
  }

  async chunk(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    await this.#until(() => this.#chunks.length > 0);
    return this.#chunks.shift();
  }

  async give(bytes: Uint8Array): Promise<void> {
    await this.#until(() => this.#credit > 0);
    this.#credit -= bytes.byteLength;
    const own = bytes.byteLength === bytes.buffer.byteLength ? (bytes.buffer as ArrayBuffer) : bytes.slice().buffer;
    this.#port.send({ type: "chunk", id: this.#id, bytes: own as ArrayBuffer }, [own as ArrayBuffer]);
  }

  async #until(condition: () => boolean): Promise<void> {
    this.signal.throwIfAborted();
    while (!condition()) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.signal.throwIfAborted();
    }
  }
}
