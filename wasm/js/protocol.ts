// The messages between a view (a tab's `Peer`) and the service (the worker that runs the peer). The same over every kind of channel.
//
//   view --call, abort, chunk, end, credit, ping, visible, bye--> service
//        <--result, error, progress, chunk, room, event, pong----
//
// Bytes flow by credit alone: into the service as `room` allows, out of it as `credit` allows, so memory is bounded on both sides.

import type { PlainError } from "./errors.js";
import type { FileInfo, NodeInfo, PeerEvent, PeerInfo, Refreshed, Status, Whereabouts } from "./types.js";

/** From a view. */
export type ToService =
  /** `again`: an earlier service may have done it already. */
  | { readonly type: "call"; readonly id: number; readonly method: string; readonly input: unknown; readonly again: boolean }
  | { readonly type: "abort"; readonly id: number }
  /** A piece of a file that is put, as `room` allowed. */
  | { readonly type: "chunk"; readonly id: number; readonly bytes: ArrayBuffer }
  | { readonly type: "end"; readonly id: number }
  /** So many more bytes of a read are welcome. */
  | { readonly type: "credit"; readonly id: number; readonly bytes: number }
  | { readonly type: "ping" }
  | { readonly type: "visible"; readonly visible: boolean }
  | { readonly type: "bye" };

/** From the service. */
export type ToView =
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: PlainError }
  | { readonly type: "progress"; readonly id: number; readonly value: unknown }
  | { readonly type: "chunk"; readonly id: number; readonly bytes: ArrayBuffer }
  | { readonly type: "room"; readonly id: number; readonly bytes: number }
  | { readonly type: "event"; readonly event: PeerEvent }
  /** What opens the vault again changed, because its password did. */
  | { readonly type: "session"; readonly session: CryptoKey | undefined }
  | { readonly type: "pong" };

/** What a view asks for first. */
export interface OpenInput {
  readonly password?: string | undefined;
  readonly invitation?: string | undefined;
  readonly limit?: number | undefined;
  /** Make a vault when there is none; otherwise that is an error. */
  readonly create: boolean;
  readonly restore?: { readonly words: string; readonly nodes: readonly string[] } | undefined;
  /** Opens what another service of this origin had unlocked. */
  readonly session?: CryptoKey | undefined;
}

/** What it gets. */
export interface Opened {
  readonly peer: string;
  readonly vault: string;
  /** Opens the seed again for as long as somebody remembers it; only when a password is set. */
  readonly session?: CryptoKey | undefined;
  /** The recovery words of a vault that was just made. */
  readonly words?: string | undefined;
}

/** A put whose bytes the service reads itself, or that come in chunks. */
export interface PutInput {
  readonly path: string;
  readonly modified: number;
  readonly blob?: Blob | undefined;
}

/** A read. */
export interface GetInput {
  readonly path: string;
  readonly from: number;
  readonly len?: number | undefined;
  /** How much may come before the first `credit`. */
  readonly credit: number;
}

/** A page of a folder. */
export interface ListInput {
  readonly path: string;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** The methods that answer once, with what goes in and what comes out. */
export interface Methods {
  open: [OpenInput, Opened];
  list: [ListInput, FileInfo[]];
  stat: [{ path: string }, FileInfo];
  put: [PutInput, FileInfo];
  makeFolder: [{ path: string }, void];
  move: [{ from: string; to: string }, void];
  remove: [{ path: string }, void];
  share: [{ path: string }, { id: string; link: string }];
  shares: [undefined, { id: string; path: string; created: number }[]];
  withdraw: [{ id: string }, void];
  join: [{ invitation: string }, NodeInfo];
  nodes: [undefined, NodeInfo[]];
  peers: [undefined, PeerInfo[]];
  whereabouts: [{ path: string }, Whereabouts];
  keep: [{ path: string }, void];
  setReplicas: [{ replicas: number }, void];
  refresh: [undefined, Refreshed];
  storage: [undefined, { mine: number; others: number; limit: number; blocks: number }];
  status: [undefined, Omit<Status, "leader" | "pending">];
  setPassword: [{ password?: string | undefined; old?: string | undefined }, { session?: CryptoKey | undefined }];
  lock: [undefined, void];
}

/** The longest piece in which bytes cross. */
export const PIECE = 1 << 20;
/** How many bytes of one read or put may be on their way or wait to be taken. */
export const WINDOW = 4 << 20;
