// The package in Node.js: the same peer on one thread, with a store in memory that ends with the process.

import init, * as bindings from "./cachette_wasm.js";

import type { Job } from "./bindings.js";
import { messagePort, randomName } from "./channel.js";
import type { Kept, Keeping } from "./device.js";
import { CachetteError } from "./errors.js";
import type { Part } from "./leader.js";
import { LinkService } from "./linked.js";
import { provide } from "./memory.js";
import { PeerBase } from "./peer.js";
import type { Frame, Home, LinkPart, Platform } from "./platform.js";
import type { ToService, ToView } from "./protocol.js";
import { Locksmith, serve } from "./sealing.js";
import { Service } from "./service.js";
import type { WasmSource } from "./types.js";

/** A peer in this process. Its vault lives on nodes; what this process keeps ends with it. */
export class Peer extends PeerBase {
  protected static override readonly platform: Platform = {
    wasm: () => new URL("./cachette_wasm_bg.wasm", import.meta.url),
    load,
    check,
    state: async () => "none",
    erase: async () => undefined,
    enter: (part) => new Thread(part),
    look,
  };
}

export { CachetteError } from "./errors.js";
export { Shared } from "./shared.js";
export type * from "./types.js";

/** A service on this thread. */
class Thread implements Home {
  readonly leading = true;
  #service: Service | undefined;
  readonly #ports: MessagePort[] = [];

  constructor(part: Part) {
    this.#start(part).catch((error: unknown) => {
      part.onFailed(error instanceof CachetteError ? error : new CachetteError("internal", String(error), { cause: error }));
    });
  }

  async close(): Promise<void> {
    await this.#service?.close();
    // An open port would keep the process alive.
    for (const port of this.#ports) port.close();
  }

  async #start(part: Part): Promise<void> {
    provide(globalThis);
    await init({ module_or_path: await part.module() });
    const [view, jobs, locks] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
    for (const { port1, port2 } of [view, jobs, locks]) this.#ports.push(port1, port2);
    const fatal = (_: string, message: string) => part.onFailed(new CachetteError("interrupted", message));
    serve(bindings, messagePort<Job, Job>(jobs.port2), locks.port2, (error) => fatal("internal", String(error)));
    const ground = { bindings, store: `memory:${part.name}:${randomName()}`, keeping: new Memory(), locksmith: new Locksmith(locks.port1), sealers: [messagePort<Job, Job>(jobs.port1)] };
    this.#service = new Service(ground, { fatal, locked: part.onLocked });
    this.#service.serve(messagePort<ToView, ToService>(view.port2));
    part.client.attach(messagePort<ToService, ToView>(view.port1));
    part.onLeading(true);
  }
}

/** A link on this thread. */
async function look({ link, module, onFatal }: LinkPart): Promise<Frame> {
  await init({ module_or_path: module });
  const [view, jobs] = [new MessageChannel(), new MessageChannel()];
  bindings.serveSealing(messagePort<Job, Job>(jobs.port2));
  const service = new LinkService({ bindings, link, sealers: [messagePort<Job, Job>(jobs.port1)] }, (_, message) => onFatal(message));
  service.serve(messagePort<ToView, ToService>(view.port2));
  const close = async () => {
    await service.close();
    for (const port of [view.port1, view.port2, jobs.port1, jobs.port2]) port.close();
  };
  return { view: messagePort<ToService, ToView>(view.port1), close };
}

/** A device that ends with the process. */
class Memory implements Keeping {
  #kept: Kept | undefined;
  #fence = 0;
  #session: { readonly key: CryptoKey; readonly seed: Uint8Array<ArrayBuffer> } | undefined;

  async fence(): Promise<number> {
    return ++this.#fence;
  }

  async load(): Promise<Kept | undefined> {
    return this.#kept && { ...this.#kept, bytes: this.#kept.bytes.slice() };
  }

  async save(kept: Kept): Promise<void> {
    this.#kept = { ...kept, bytes: kept.bytes.slice() };
  }

  async remember(seed: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    this.#session = { key, seed: seed.slice() };
    return key;
  }

  async recall(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#session?.seed.slice();
  }

  async forget(): Promise<void> {
    this.#session?.seed.fill(0);
    this.#session = undefined;
  }

  async clear(): Promise<void> {}
}

/** What there is of Node.js here. */
interface Process {
  readonly versions: { readonly node?: string };
  getBuiltinModule(name: "node:fs/promises"): { readFile(path: URL): Promise<Uint8Array<ArrayBuffer>> };
}

const { process } = globalThis as unknown as { process: Process };
const NODE_MIN = 22;

function check(): void {
  const major = Number(process.versions.node?.split(".")[0]);
  if (major >= NODE_MIN) return;
  throw new CachetteError("unsupported", `Node.js ${process.versions.node} is too old: Cachette needs ${NODE_MIN} or later`, {
    hint: "older releases have no WebSocket; install a newer one",
  });
}

/** Node.js fetches no files. */
async function load(source: WasmSource): Promise<WasmSource> {
  const url = typeof source === "string" && source.startsWith("file:") ? new URL(source) : source;
  if (!(url instanceof URL) || url.protocol !== "file:") return source;
  return process.getBuiltinModule("node:fs/promises").readFile(url);
}
