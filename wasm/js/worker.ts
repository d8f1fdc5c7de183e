// The script of the workers. The first message says which one this is: the peer worker, the sealing worker beside it, or one for a link.

import init, * as bindings from "./cachette_wasm.js";

import { messagePort } from "./channel.js";
import { DeviceDatabase } from "./device.js";
import { isTrap, toPlain } from "./errors.js";
import { LinkService } from "./linked.js";
import { Reception } from "./reception.js";
import { Locksmith, serve } from "./sealing.js";
import { Service } from "./service.js";
import { houseName } from "./tabs.js";

/** The first message. */
export type Role =
  | {
      readonly role: "peer";
      readonly module: WebAssembly.Module;
      readonly name: string;
      readonly service: string;
      readonly again: boolean;
      readonly jobs: MessagePort;
      readonly locks: MessagePort;
      readonly view: MessagePort;
    }
  | { readonly role: "sealing"; readonly module: WebAssembly.Module; readonly jobs: MessagePort; readonly locks: MessagePort }
  | { readonly role: "link"; readonly module: WebAssembly.Module; readonly link: string; readonly jobs: MessagePort; readonly view: MessagePort };

/** A later one. */
export type Order = { readonly role: "close" };

/** What a worker tells its page. */
export type Word =
  | { readonly type: "fatal"; readonly code: string; readonly message: string }
  | { readonly type: "locked" }
  | { readonly type: "closed" };

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<Role | Order>) => void) | null;
  postMessage(word: Word): void;
  addEventListener(type: "unhandledrejection", listener: (event: { reason: unknown }) => void): void;
};

let close: () => Promise<void> = () => Promise.resolve();

scope.onmessage = ({ data }) => {
  if (data.role === "close") {
    close().finally(() => scope.postMessage({ type: "closed" }));
    return;
  }
  start(data).catch((error: unknown) => {
    const { code, message } = toPlain(error);
    fatal(code, message);
  });
};

// A trap behind a promise belongs to no call, and unlike every other error the page does not hear of it by itself.
scope.addEventListener("unhandledrejection", ({ reason }) => {
  if (isTrap(reason)) fatal("internal", (reason as Error).message);
});

function fatal(code: string, message: string): void {
  scope.postMessage({ type: "fatal", code, message });
}

async function start(role: Role): Promise<void> {
  await init({ module_or_path: role.module });
  if (role.role === "sealing") {
    serve(bindings, role.jobs, role.locks, (error) => fatal("internal", (error as Error).message));
    return;
  }
  if (role.role === "link") {
    const service = new LinkService({ bindings, link: role.link, sealers: [role.jobs] }, fatal);
    service.serve(messagePort(role.view));
    close = () => service.close();
    return;
  }
  const { name, view, jobs, locks } = role;
  const keeping = new DeviceDatabase(name);
  const ground = { bindings, store: houseName(name), keeping, locksmith: new Locksmith(locks), sealers: [jobs] };
  const reception = new Reception(name, role.service, role.again);
  const service = new Service(ground, {
    fatal,
    locked: () => {
      reception.locked();
      scope.postMessage({ type: "locked" });
    },
  });
  service.serve(messagePort(view));
  reception.receive(service);
  close = () => service.close();
}
