// What a page and the workers of a service say over the channel that each worker has with whoever started it: orders, words, calls and
// jobs. Over this channel every browser moves bytes; over a message port between threads, Firefox copies them twice, by way of another
// process. That is why the jobs of the peer worker reach the sealing worker by way of the page.

import type { Job } from "./bindings.js";

/** What a worker is to be: the first that it is told. */
export type Role =
  | { readonly role: "peer"; readonly module: WebAssembly.Module; readonly name: string; readonly service: string; readonly again: boolean; readonly locks: MessagePort }
  | { readonly role: "link"; readonly module: WebAssembly.Module; readonly link: string }
  | { readonly role: "sealing"; readonly module: WebAssembly.Module; readonly locks: MessagePort };

/** What a worker is told to do. */
export type Order = Role | { readonly role: "close" };

/** What a worker tells its page. */
export type Word =
  | { readonly word: "fatal"; readonly code: string; readonly message: string }
  | { readonly word: "locked" }
  | { readonly word: "closed" };

export function isOrder(message: object): message is Order {
  return "role" in message;
}

export function isWord(message: object): message is Word {
  return "word" in message;
}

export function isJob(message: object | null): message is Job {
  return message === null || Array.isArray(message);
}

/** Hands a job on, and the bytes with it. */
export function pass(job: Job, to: Worker): void {
  to.postMessage(job, job === null ? [] : [job[2]]);
}
