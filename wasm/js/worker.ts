// The script of the workers. The first message says which one this is: the peer worker, one for a link, or the sealing worker of either.

import init, * as bindings from "./cachette_wasm.js";

import { workerPort } from "./channel.js";
import { DeviceDatabase } from "./device.js";
import { isTrap, toPlain } from "./errors.js";
import { LinkService } from "./linked.js";
import type { ToService, ToView } from "./protocol.js";
import { Reception } from "./reception.js";
import { Locksmith, serve } from "./sealing.js";
import { Service } from "./service.js";
import { houseName } from "./tabs.js";
import { isOrder, type Order, type Role, type Word } from "./worker-protocol.js";

interface Scope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: Word | ToView, transfer?: Transferable[]): void;
  addEventListener(type: "unhandledrejection", listener: (event: { reason: unknown }) => void): void;
}

const scope = globalThis as unknown as Scope;
const view = workerPort<ToView, ToService>(scope as Required<Scope>);

let close: () => Promise<void> = () => Promise.resolve();

scope.onmessage = ({ data }: MessageEvent<Order | ToService>) => {
  if (!isOrder(data)) view.take(data);
  else if (data.order === "close") close().finally(() => scope.postMessage({ word: "closed" }));
  else if (data.order === "seal") seal(data.module, data.locks).catch(reportError);
  else begin(data.module, data.role).catch(failed);
};

// A trap behind a promise belongs to no call, and unlike every other error the page does not hear of it by itself.
scope.addEventListener("unhandledrejection", ({ reason }) => {
  if (isTrap(reason)) fatal("internal", (reason as Error).message);
});

function fatal(code: string, message: string): void {
  scope.postMessage({ word: "fatal", code, message });
}

function failed(error: unknown): void {
  const { code, message } = toPlain(error);
  fatal(code, message);
}

async function begin(module: WebAssembly.Module, role: Role): Promise<void> {
  const { jobs, locks } = startSealing(module);
  await init({ module_or_path: module });
  const sealers = [jobs];
  if (role.role === "link") {
    const service = new LinkService({ bindings, link: role.link, sealers }, fatal);
    service.serve(view);
    close = () => service.close();
    return;
  }
  const { name } = role;
  const keeping = new DeviceDatabase(name);
  const ground = { bindings, store: houseName(name), keeping, locksmith: new Locksmith(locks), sealers };
  const reception = new Reception(name, role.service, role.again);
  const service = new Service(ground, {
    fatal,
    locked: () => {
      reception.locked();
      scope.postMessage({ word: "locked" });
    },
  });
  service.serve(view);
  reception.receive(service);
  close = () => service.close();
}

/** Starts the sealing worker as a worker of this one: between these two, bytes are moved in every browser. */
function startSealing(module: WebAssembly.Module): { jobs: Worker; locks: MessagePort } {
  const jobs = new Worker(location.href, { type: "module", name: "cachette sealing" });
  jobs.onerror = (event) => {
    event.preventDefault?.();
    fatal("internal", event.message ?? "the sealing worker could not be started");
  };
  const locks = new MessageChannel();
  jobs.postMessage({ order: "seal", module, locks: locks.port2 } satisfies Order, [locks.port2]);
  return { jobs, locks: locks.port1 };
}

/** Does nothing but jobs from here on; those that came before it could wait. */
async function seal(module: WebAssembly.Module, locks: MessagePort): Promise<void> {
  const early: MessageEvent[] = [];
  scope.onmessage = (event) => void early.push(event);
  await init({ module_or_path: module });
  serve(bindings, scope, locks, reportError);
  for (const event of early) scope.onmessage?.(event);
}
