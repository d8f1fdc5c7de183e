// A stream of bytes on its way into the service: read only as far as the service has room.

import { CachetteError } from "./errors.js";
import type { ToService } from "./protocol.js";

/** Hands a stream on, as far as there is room for it. */
export class Feed {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #send: (message: ToService, transfer?: Transferable[]) => void;
  #room = 0;
  #busy = false;
  #over = false;
  /** What the last piece of the stream had more than there was room for. */
  #rest: Uint8Array | undefined;

  constructor(stream: ReadableStream<Uint8Array>, send: (message: ToService, transfer?: Transferable[]) => void) {
    this.#reader = stream.getReader();
    this.#send = send;
  }

  give(id: number, bytes: number, fail: (error: unknown) => void): void {
    this.#room += bytes;
    if (this.#busy || this.#over) return;
    this.#busy = true;
    this.#pump(id).then(
      () => (this.#busy = false),
      (error: unknown) => fail(error),
    );
  }

  cancel(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#reader.cancel(reason).catch(() => undefined);
  }

  async #pump(id: number): Promise<void> {
    while (this.#room > 0 && !this.#over) {
      const bytes = this.#rest ?? (await this.#next());
      if (this.#over) return;
      if (bytes === undefined) {
        this.#over = true;
        return this.#send({ type: "end", id });
      }
      const now = bytes.subarray(0, this.#room);
      this.#rest = now.length < bytes.length ? bytes.subarray(now.length) : undefined;
      this.#room -= now.length;
      const own = now.slice().buffer;
      this.#send({ type: "chunk", id, bytes: own }, [own]);
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      if (!ArrayBuffer.isView(value)) throw new CachetteError("invalid-argument", "the stream gave something that is not bytes");
      if (value.byteLength > 0) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    }
  }
}
