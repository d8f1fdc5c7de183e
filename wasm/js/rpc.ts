// Calls to the service, from the view's side: they outlive the service. One that is not answered when the service goes away is asked
// again of the next one, if that can be done without harm, and ends with `interrupted` if not.

import type { Port } from "./channel.js";
import { CachetteError, fromPlain } from "./errors.js";
import { Feed } from "./feed.js";
import type { GetInput, Methods, OpenInput, Opened, ToService, ToView } from "./protocol.js";
import { reading } from "./reading.js";
import { isVisible } from "./suspension.js";
import type { PeerEvent } from "./types.js";

/** How a call is made. */
export interface CallSettings {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((value: never) => void) | undefined;
  /** The bytes that go in; whoever reads them cannot read them again. */
  readonly stream?: ReadableStream<Uint8Array> | undefined;
  /** The call must not be made twice. */
  readonly once?: boolean;
}

/** A call that waits for its answer. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly once: boolean;
  /** Made anew for each service, because a read goes on where it was. */
  readonly input: () => unknown;
  sent: boolean;
  take(message: ToView): void;
  fail(error: unknown): void;
}

/** What the client tells its owner. */
export interface ClientEvents {
  event(event: PeerEvent): void;
  /** The vault could not be opened by a new service: the view is over. */
  lost(error: CachetteError): void;
}

/** The calls of one view. */
export class Client {
  readonly #calls = new Map<number, Call>();
  readonly #events: ClientEvents;
  #port: Port<ToService, ToView> | undefined;
  #reopen: (() => OpenInput) | undefined;
  #ready = false;
  #next = 1;
  #closed: CachetteError | undefined;
  /** Answers that came since somebody looked. */
  #heard = 0;

  constructor(events: ClientEvents) {
    this.#events = events;
  }

  /** Calls a method and resolves with its result. */
  call<M extends keyof Methods>(method: M, input: Methods[M][0], settings: CallSettings = {}): Promise<Methods[M][1]> {
    const { signal, onProgress, stream, once = false } = settings;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const feed = stream && new Feed(stream, (message, transfer) => this.#port?.send(message, transfer));
      const abort = () => {
        if (call.sent) this.#port?.send({ type: "abort", id: call.id });
        call.fail(signal?.reason);
      };
      const end = () => {
        signal?.removeEventListener("abort", abort);
        this.#calls.delete(call.id);
      };
      const call: Call = {
        id: this.#next++,
        method,
        once: once || stream !== undefined,
        input: () => input,
        sent: false,
        take: (message) => {
          if (message.type === "result") {
            end();
            resolve(message.value as Methods[M][1]);
          } else if (message.type === "error") {
            call.fail(fromPlain(message.error));
          } else if (message.type === "progress") {
            onProgress?.(message.value as never);
          } else if (message.type === "room") {
            feed?.give(call.id, message.bytes, (error) => {
              this.#port?.send({ type: "abort", id: call.id });
              call.fail(error);
            });
          }
        },
        fail: (error) => {
          end();
          feed?.cancel(error);
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#begin(call);
    });
  }

  /** Reads bytes; what has arrived is never asked for again. */
  read(input: Omit<GetInput, "credit">, signal?: AbortSignal): ReadableStream<Uint8Array> {
    const wire = {
      begin: (call: Call) => this.#begin(call),
      end: (call: Call) => this.#calls.delete(call.id),
      send: (message: ToService) => this.#port?.send(message),
    };
    return reading(wire, this.#next++, input, signal);
  }

  /** Opens the vault through the service at this port and goes on with what was not answered. */
  attach(port: Port<ToService, ToView>): void {
    this.detach();
    this.#port = port;
    port.onmessage = (message) => this.#take(message);
    port.send({ type: "visible", visible: isVisible() });
    if (this.#reopen) this.#open(port, this.#reopen());
  }

  /** The service is gone: what must not be asked twice ends here. */
  detach(): void {
    this.#port?.close();
    this.#port = undefined;
    this.#ready = false;
    for (const call of [...this.#calls.values()]) {
      if (call.sent && call.once) call.fail(interrupted());
    }
  }

  /** Ends every call that a service had been asked for: one of them may be what broke it. */
  giveUp(): void {
    for (const call of [...this.#calls.values()]) {
      if (call.sent && call.method !== "open") call.fail(interrupted());
    }
  }

  /** Opens the vault for the first time; later services are asked for what `again` returns. */
  async open(first: OpenInput, again: (opened: Opened) => OpenInput, signal?: AbortSignal): Promise<Opened> {
    const opened = await new Promise<Opened>((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      const settle = <T>(then: (value: T) => void) => (value: T) => {
        signal?.removeEventListener("abort", abort);
        then(value);
      };
      this.#firstly = { resolve: settle(resolve), reject: settle(reject) };
      this.#reopen = () => first;
      if (this.#port) this.#open(this.#port, first);
    });
    this.#firstly = undefined;
    this.#reopen = () => again({ ...opened, session: this.#session });
    return opened;
  }

  /** Gives every call up. */
  close(error: CachetteError): void {
    this.#closed = error;
    this.#port?.send({ type: "bye" });
    this.#port?.close();
    this.#port = undefined;
    this.#firstly?.reject(error);
    for (const call of [...this.#calls.values()]) call.fail(error);
  }

  /** Sends what is no call, if there is a service. */
  tell(message: ToService): void {
    this.#port?.send(message);
  }

  /** Says how many calls wait for an answer. */
  get pending(): number {
    return this.#calls.size;
  }

  /** Says whether a service is there and has the vault open. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Returns how many messages came so far. */
  get heard(): number {
    return this.#heard;
  }

  #session: CryptoKey | undefined;
  #firstly: { resolve(opened: Opened): void; reject(error: unknown): void } | undefined;

  #begin(call: Call): void {
    if (this.#closed) return call.fail(this.#closed);
    this.#calls.set(call.id, call);
    if (this.#ready) this.#send(call);
  }

  #send(call: Call): void {
    const again = call.sent;
    call.sent = true;
    this.#port?.send({ type: "call", id: call.id, method: call.method, input: call.input(), again });
  }

  #open(port: Port<ToService, ToView>, input: OpenInput): void {
    const id = this.#next++;
    const over = (error: CachetteError) => {
      if (this.#firstly) this.#firstly.reject(error);
      else this.#events.lost(error);
    };
    const call: Call = {
      id,
      method: "open",
      once: false,
      input: () => input,
      sent: true,
      take: (message) => {
        if (message.type === "result") {
          this.#calls.delete(id);
          if (this.#port !== port) return;
          this.#ready = true;
          this.#session = (message.value as Opened).session;
          this.#firstly?.resolve(message.value as Opened);
          for (const waiting of [...this.#calls.values()]) this.#send(waiting);
        } else if (message.type === "error") {
          call.fail(fromPlain(message.error));
        }
      },
      fail: (error) => {
        this.#calls.delete(id);
        if (this.#port === port) over(error as CachetteError);
      },
    };
    for (const [old, { method }] of this.#calls) if (method === "open") this.#calls.delete(old);
    this.#calls.set(id, call);
    port.send({ type: "call", id, method: "open", input, again: false });
  }

  #take(message: ToView): void {
    this.#heard++;
    if (message.type === "event") this.#events.event(message.event);
    else if (message.type === "session") this.#session = message.session;
    else if (message.type !== "pong") this.#calls.get(message.id)?.take(message);
  }
}

function interrupted(): CachetteError {
  return new CachetteError("interrupted", "the tab that did this went away before it was done", {
    hint: "look whether it happened, and do it again if not",
  });
}
