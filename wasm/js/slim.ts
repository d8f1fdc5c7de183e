// The package for those who load the wasm module themselves: nothing here names it, so no bundler picks it up.

import { PeerBase } from "./peer.js";
import { browser } from "./platform.js";

/** A peer in this browser. `wasm` must be given to whatever opens it. */
export class Peer extends PeerBase {
  protected static override readonly platform = browser();
}

export { CachetteError } from "./errors.js";
export { Shared } from "./shared.js";
export type * from "./types.js";
