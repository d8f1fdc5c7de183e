// What the service worker and the page that has the bytes say to each other, over a port made for one response.

/** The service worker asks every open page; the one that made the token answers on the port. */
export interface StreamQuestion {
  readonly type: "stream";
  readonly token: string;
  /** The `Range` header of the request, as it came. */
  readonly range: string | undefined;
}

/** The page's first answer. */
export interface StreamHead {
  readonly type: "head";
  readonly name: string;
  readonly mediaType: string;
  /** The whole file's size. */
  readonly size: number;
  /** To be kept as a file rather than shown. */
  readonly download: boolean;
  /** Shown in an origin of its own, unless the browser's own viewer refuses to work there. */
  readonly sandbox: boolean;
  /** Parts of it can be asked for. */
  readonly hasRanges: boolean;
  /** What is sent: from `start` to before `end`; `whole` if nothing less was asked for, and none if that cannot be had. */
  readonly range: { readonly start: number; readonly end: number; readonly whole: boolean } | undefined;
}

/** What the service worker asks for next: one piece, or to stop. */
export type StreamDemand = "pull" | "cancel";

/** What the page answers to `pull`. */
export type StreamPiece =
  { readonly type: "bytes"; readonly bytes: Uint8Array } | { readonly type: "end" } | { readonly type: "error"; readonly message: string };

/** Addresses below this are answered by the service worker. */
export const STREAMS = "/stream/";
/** A page tells the worker this often that it still streams: a browser ends a worker that hears nothing for half a minute. */
export const KEEP_AWAKE = 10_000;
