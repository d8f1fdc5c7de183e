// Compiles only if the bindings that the build wrote have the shape that the package's sources expect.

import * as built from "../../target/package/cachette_wasm.js";
import type { Bindings } from "../js/bindings.js";

type Offered = Pick<typeof built, keyof Bindings>;

/** Constructors of the generated classes are private, which is all that may differ. */
export const bindings: { readonly [Name in keyof Bindings]: unknown } = built satisfies Offered;
