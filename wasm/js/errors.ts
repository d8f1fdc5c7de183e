// The one error that callers meet, and the one place where errors become messages between workers and back.

import type { ErrorCode } from "./types.js";

/** Something failed. `code` says what, `hint` what to do about it. */
export class CachetteError extends Error {
  override readonly name = "CachetteError";
  readonly code: ErrorCode;
  /** What a person can do now. */
  readonly hint?: string | undefined;
  readonly details?: unknown;

  constructor(code: ErrorCode, message: string, more: { hint?: string | undefined; details?: unknown; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.hint = more.hint;
    this.details = more.details;
  }
}

/** An error as it crosses from a worker to a page. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly details?: unknown;
}

/** Turns whatever was thrown in a worker into what can be sent. */
export function toPlain(error: unknown): PlainError {
  if (typeof error !== "object" || error === null) return { code: "internal", message: String(error) };
  const { code, message, hint, details, name } = error as { [key: string]: unknown };
  return {
    code: typeof code === "string" ? code : (BROWSER_CODES[String(name)] ?? "internal"),
    message: typeof message === "string" ? message : String(error),
    hint: typeof hint === "string" ? hint : undefined,
    details,
  };
}

/** Turns what a worker sent into what a caller gets. */
export function fromPlain({ code, message, hint, details }: PlainError): CachetteError {
  return new CachetteError(code as ErrorCode, message, { hint, details });
}

/** Says whether a wasm instance is broken and must not be called again. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}

/** What the browser's own errors mean here. */
const BROWSER_CODES: { readonly [name: string]: ErrorCode } = {
  QuotaExceededError: "storage-full",
  // A file that was chosen was moved or changed since.
  NotReadableError: "not-found",
  NotFoundError: "not-found",
};
