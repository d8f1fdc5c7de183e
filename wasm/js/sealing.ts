// The sealing worker: encrypts and decrypts for the peer worker, so that neither the page nor the machines wait for it. What a password
// costs is paid here too, one at a time.

import type { Bindings, Job } from "./bindings.js";
import { messagePort, type Port } from "./channel.js";
import { fromPlain, isTrap, type PlainError, toPlain } from "./errors.js";

type Question =
  | { readonly id: number; readonly lock: Uint8Array<ArrayBuffer>; readonly password: string }
  | { readonly id: number; readonly unlock: Uint8Array<ArrayBuffer>; readonly password: string };
type Answer = { readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> } | { readonly id: number; readonly error: PlainError };

/** Does what comes through both ports from here on. */
export function serve(bindings: Bindings, jobs: Port<Job, Job>, locks: MessagePort, trapped: (error: unknown) => void): void {
  bindings.serveSealing(jobs);
  const port = messagePort<Answer, Question>(locks);
  port.onmessage = (question) => {
    const { id } = question;
    try {
      port.send({ id, bytes: turn(bindings, question) });
    } catch (error) {
      port.send({ id, error: toPlain(error) });
      if (isTrap(error)) trapped(error);
    }
  };
}

function turn({ Device }: Bindings, question: Question): Uint8Array<ArrayBuffer> {
  if ("lock" in question) {
    const device = Device.fromSeed(question.lock);
    try {
      return device.lock(question.password).slice();
    } finally {
      device.free();
    }
  }
  const device = Device.unlock(question.unlock, question.password);
  try {
    return device.seed().slice();
  } finally {
    device.free();
  }
}

/** Asks the sealing worker to lock and unlock seeds. */
export class Locksmith {
  readonly #port;
  readonly #waiting = new Map<number, { resolve(bytes: Uint8Array<ArrayBuffer>): void; reject(error: unknown): void }>();
  #next = 0;

  constructor(raw: MessagePort) {
    this.#port = messagePort<Question, Answer>(raw);
    this.#port.onmessage = (answer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if ("error" in answer) waiting?.reject(fromPlain(answer.error));
      else waiting?.resolve(answer.bytes);
    };
  }

  lock(seed: Uint8Array<ArrayBuffer>, password: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask((id) => ({ id, lock: seed, password }));
  }

  unlock(locked: Uint8Array<ArrayBuffer>, password: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask((id) => ({ id, unlock: locked, password }));
  }

  #ask(question: (id: number) => Question): Promise<Uint8Array<ArrayBuffer>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.send(question(id));
    });
  }
}
