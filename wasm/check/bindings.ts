// Compiles only if the bindings that the build wrote have the shape that the package's sources expect.

import * as built from "../../target/package/cachette_wasm.js";
import type { Bindings, Device, Putting, Readable, Reading, Tab } from "../js/bindings.js";

// Their constructors are private, so instances and statics are compared one by one.
export const device: Device = built.Device.prototype;
export const tab: Tab = built.Tab.prototype;
export const shared: Readable = built.SharedTab.prototype;
export const putting: Putting = built.Putting.prototype;
export const reading: Reading = built.Reading.prototype;
export const statics: Bindings = {
  Device: {
    fresh: built.Device.fresh,
    fromSeed: built.Device.fromSeed,
    unlock: built.Device.unlock,
    fromWords: built.Device.fromWords,
  },
  Tab: { found: built.Tab.found, restore: built.Tab.restore, open: built.Tab.open },
  SharedTab: { open: built.SharedTab.open },
  serveSealing: built.serveSealing,
  freeWith: built.freeWith,
};
