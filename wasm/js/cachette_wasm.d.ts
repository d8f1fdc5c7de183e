// What the package uses of the bindings that the build writes. `cargo xtask package` checks that they have this shape.

import type { Bindings } from "./bindings.js";

export const Device: Bindings["Device"];
export const Tab: Bindings["Tab"];
export const SharedTab: Bindings["SharedTab"];
export const serveSealing: Bindings["serveSealing"];
export const freeWith: Bindings["freeWith"];
export default function init(options: { module_or_path: WebAssembly.Module }): Promise<unknown>;
