// The script of the workers. The first message says which one this is: the peer worker, the sealing worker beside it, or one for a link.

import init, * as bindings from "./cachette_wasm.js";

import type { Job } from "./bindings.js";
import { free } from "./buffers.js";
import { workerPort } from "./channel.js";
import { DeviceDatabase } from "./device.js";
import { isTrap, toPlain } from "./errors.js";
import { LinkService } from "./linked.js";
import type { ToService, ToView } from "./protocol.js";
import { Reception } from "./reception.js";
import { Locksmith, serve } from "./sealing.js";
import { Service } from "./service.js";
import { houseName } from "./tabs.js";
import { isJob, isOrder, type Order, type Role, type Word } from "./worker-protocol.js";

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Order | Job | ToService>) => void) | null;
  postMessage(message: Word | Job | ToView, transfer?: Transferable[]): void;
  addEventListener(type: "unhandledrejection", listener: (event: { reason: unknown }) => void): void;
};
const view = workerPort<ToView, ToService>(scope);
const jobs = workerPort<Job, Job>(scope);

let close: () => Promise<void> = () => Promise.resolve();

scope.onmessage = ({ data }) => {
  if (isJob(data)) jobs.take(data);
  else if (!isOrder(data)) view.take(data);
  else if (data.role === "close") close().finally(() => scope.postMessage({ word: "closed" }));
  else start(data).catch(failed);
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

async function start(role: Role): Promise<void> {
  await init({ module_or_path: role.module });
  bindings.freeWith(free);
  if (role.role === "sealing") {
    serve(bindings, jobs, role.locks, (error) => fatal("internal", (error as Error).message));
    return;
  }
  if (role.role === "link") {
    const service = new LinkService({ bindings, link: role.link, sealers: [jobs] }, fatal);
    service.serve(view);
    close = () => service.close();
    return;
  }
  const { name, locks } = role;
  const keeping = new DeviceDatabase(name);
  const ground = { bindings, store: houseName(name), keeping, locksmith: new Locksmith(locks), sealers: [jobs] };
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
