// What a peer needs of where it runs: a browser's page or worker here, Node.js in `node.ts`.

import type { Port } from "./channel.js";
import { Crew } from "./crew.js";
import { peek } from "./device.js";
import { erase } from "./erasing.js";
import { CachetteError } from "./errors.js";
import { type Part, Tabs } from "./leader.js";
import type { ToService, ToView } from "./protocol.js";
import type { VaultState, WasmSource } from "./types.js";

/** The place of one peer. */
export interface Home {
  readonly leading: boolean;
  close(): Promise<void>;
}

/** The place of one opened link. */
export interface Frame {
  /** The way to its service. */
  readonly view: Port<ToService, ToView>;
  close(): Promise<void>;
}

/** What a link is opened with. */
export interface LinkPart {
  readonly link: string;
  readonly module: WebAssembly.Module;
  readonly script: URL | string | undefined;
  readonly onFatal: (message: string) => void;
}

/** Where peers run. */
export interface Platform {
  /** The wasm module that is used if the caller gives none. */
  readonly wasm?: (() => WasmSource) | undefined;
  /** Fetches what a browser would fetch by itself. */
  readonly load?: (source: WasmSource) => Promise<WasmSource>;
  /** Throws when a peer cannot run here. */
  check(): void;
  state(name: string): Promise<VaultState>;
  erase(name: string): Promise<void>;
  enter(part: Part): Home;
  look(part: LinkPart): Promise<Frame>;
}

/** A browser. */
export function browser(wasm?: () => WasmSource): Platform {
  return { wasm, check: checkBrowser, state: peek, erase, enter: (part) => new Tabs(part), look };
}

async function look({ link, module, script, onFatal }: LinkPart): Promise<Frame> {
  return new Crew({ module, script, role: { role: "link", link } }, (word) => {
    if (word.word === "fatal") onFatal(word.message);
  });
}

function checkBrowser(): void {
  if (!globalThis.isSecureContext) {
    throw new CachetteError("unsupported", "this page was not loaded securely, so the browser gives it no keys and no storage", {
      hint: "open it by https, or on this machine by http://localhost",
    });
  }
  const missing = ["indexedDB", "BroadcastChannel", "Worker", "WebAssembly", "ReadableStream"].filter((name) => !(name in globalThis));
  if (!("locks" in navigator)) missing.push("navigator.locks");
  if (missing.length > 0) {
    throw new CachetteError("unsupported", `this browser lacks ${missing.join(", ")}`, { hint: "use a newer browser" });
  }
}
