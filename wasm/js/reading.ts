// A read, from the view's side: a stream that pulls, holds a window of what has arrived, and goes on at its byte with another service.

import { free } from "./buffers.js";
import { fromPlain } from "./errors.js";
import { type GetInput, type ToService, WINDOW } from "./protocol.js";
import type { Call } from "./rpc.js";

/** The way of a read to the service. */
export interface Wire {
  begin(call: Call): void;
  end(call: Call): void;
  send(message: ToService): void;
}

/** Makes the stream. Nothing is asked for before somebody reads. */
export function reading(wire: Wire, id: number, input: Omit<GetInput, "credit">, signal?: AbortSignal): ReadableStream<Uint8Array> {
  const arrived: Uint8Array<ArrayBuffer>[] = [];
  let taken = 0;
  let state: "new" | "open" | "over" = "new";
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

  const held = () => arrived.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  const end = () => {
    state = "over";
    signal?.removeEventListener("abort", abort);
    wire.end(call);
    wake?.();
  };
  const call: Call = {
    id,
    method: "get",
    once: false,
    sent: false,
    input: (): GetInput => {
      const done = taken + held();
      const len = input.len === undefined ? undefined : input.len - done;
      return { path: input.path, from: input.from + done, len, credit: Math.max(WINDOW - held(), 0) };
    },
    take: (message) => {
      if (message.type === "chunk") {
        arrived.push(new Uint8Array(message.bytes));
        wake?.();
      } else if (message.type === "result") {
        end();
      } else if (message.type === "error") {
        call.fail(fromPlain(message.error));
      }
    },
    fail: (error) => {
      failure ??= { error };
      end();
    },
  };
  const stop = () => {
    if (call.sent && state === "open") wire.send({ type: "abort", id });
    arrived.length = 0;
  };
  let controller: ReadableByteStreamController | undefined;
  const abort = () => {
    stop();
    call.fail(signal?.reason);
    controller?.error(signal?.reason);
  };

  const source: UnderlyingByteSource = {
    type: "bytes",
    start: (own) => {
      controller = own;
      if (signal?.aborted) abort();
    },
    pull: async (own) => {
      if (state === "new") {
        state = "open";
        signal?.addEventListener("abort", abort, { once: true });
        wire.begin(call);
      }
      while (arrived.length === 0 && state === "open") await new Promise<void>((resolve) => (wake = resolve));
      if (signal?.aborted) return;
      const bytes = arrived.shift();
      if (bytes !== undefined) {
        const all = bytes.length;
        const given = give(own, bytes);
        taken += given;
        if (given < all) arrived.unshift(bytes.subarray(given));
        if (state === "open") wire.send({ type: "credit", id, bytes: given });
      } else if (failure) {
        own.error(failure.error);
      } else {
        own.close();
        // A reader that brought its own buffer gets it back.
        own.byobRequest?.respond(0);
      }
    },
    cancel: () => {
      stop();
      end();
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/** Gives bytes to whoever reads, into the reader's own buffer if it brought one. Returns how many. */
function give(controller: ReadableByteStreamController, bytes: Uint8Array<ArrayBuffer>): number {
  const { length } = bytes;
  const request = controller.byobRequest;
  if (!request?.view) {
    controller.enqueue(bytes);
    return length;
  }
  const { buffer, byteOffset, byteLength } = request.view;
  const given = Math.min(length, byteLength);
  new Uint8Array(buffer, byteOffset, byteLength).set(bytes.subarray(0, given));
  if (given === length) free(bytes.buffer);
  request.respond(given);
  return given;
}
