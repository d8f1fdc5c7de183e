// From whatever a caller gives to a compiled wasm module.

import { CachetteError } from "./errors.js";
import type { Platform } from "./platform.js";
import type { LoadOptions, WasmSource } from "./types.js";

/** Loads the module when it is wanted, and once. */
export function loader(platform: Platform, { wasm }: LoadOptions): () => Promise<WebAssembly.Module> {
  let module: Promise<WebAssembly.Module> | undefined;
  return () => {
    const source = wasm ?? platform.wasm?.();
    if (source === undefined) {
      const message = "there is no wasm module to run";
      throw new CachetteError("invalid-argument", message, { hint: "give `wasm`, or import `cachette` in place of `cachette/slim`" });
    }
    module ??= (async () => compile(platform.load ? await platform.load(source) : source))();
    return module;
  };
}

/** Compiles the module, while it arrives if that is possible. */
async function compile(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) return streamed(await fetch(source));
  if (source instanceof Response) return streamed(source);
  return WebAssembly.compile(source);
}

async function streamed(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new CachetteError("internal", `the wasm module could not be loaded: ${response.status} ${response.url}`, {
      hint: "see that the server has the .wasm file, or give its address as `wasm`",
    });
  }
  // Servers that call it something else than application/wasm do no harm.
  if (response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
