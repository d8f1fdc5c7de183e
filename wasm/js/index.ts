// The package as most use it: a peer in a browser, with the wasm module beside this script.

import { PeerBase } from "./peer.js";
import { browser } from "./platform.js";

/** A peer in this browser. */
export class Peer extends PeerBase {
  // Bundlers look for exactly these words.
  protected static override readonly platform = browser(() => new URL("./cachette_wasm_bg.wasm", import.meta.url));
}

export { CachetteError } from "./errors.js";
export { Shared } from "./shared.js";
export type * from "./types.js";
