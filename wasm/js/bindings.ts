// The shape of the bindings of the wasm module: what the Rust driver offers to the worker, and to nobody else.

import type { Port } from "./channel.js";
import type { Copies, FileKind, Holder, NodeInfo, PeerInfo } from "./types.js";

/** A device's seed in wasm memory. */
export interface Device {
  seed(): Uint8Array;
  /** Locks the seed under a password. Slow on purpose. */
  lock(password: string): Uint8Array;
  words(): string;
  free(): void;
}

export interface DeviceClass {
  fresh(): Device;
  fromSeed(seed: Uint8Array): Device;
  /** Opens what `lock` made. Slow on purpose. */
  unlock(locked: Uint8Array, password: string): Device;
  fromWords(words: string): Device;
}

/** An entry of a folder. */
export interface RawEntry {
  readonly name: string;
  /** The name's bytes in hex, when they are no text; a path has them after a zero. */
  readonly id?: string;
  readonly kind: FileKind;
  readonly size: number;
  readonly modified: number;
  readonly target?: string;
}

/** What the driver tells without being asked. */
export type TabEvent =
  | { readonly type: "peer-up" | "peer-down"; readonly peer: string; readonly name?: string; readonly reason?: string }
  | { readonly type: "placed"; readonly done: number; readonly waiting: number; readonly bytes: number }
  | { readonly type: "alarm"; readonly message: string }
  | { readonly type: "changed" }
  | { readonly type: "storage-full" }
  | { readonly type: "evicted"; readonly blocks: number }
  | { readonly type: "fatal"; readonly code: string; readonly message: string };

/** A file on its way in. */
export interface Putting {
  /** Waits until bytes are invited and returns how many. */
  room(): Promise<number>;
  write(bytes: Uint8Array): void;
  end(): Promise<{ size: number; newBytes: number }>;
  cancel(): void;
}

/** A file on its way out. */
export interface Reading {
  next(): Promise<Uint8Array | undefined>;
  cancel(): void;
}

/** What can be looked at and read: a vault of one's own, or what a link shows. */
export interface Readable {
  list(path: string, after: string | undefined, limit: number): Promise<RawEntry[]>;
  stat(path: string): Promise<RawEntry>;
  read(path: string, from: number, len: number | undefined): Reading;
  peers(): Promise<PeerInfo[]>;
  close(): Promise<void>;
}

/** An open vault. */
export interface Tab extends Readable {
  readonly vault: string;
  readonly peer: string;
  makeFolder(path: string, meta: { modified: number }): Promise<void>;
  put(path: string, meta: { modified: number }): Putting;
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  commit(message: string): Promise<{ changed: boolean; copies?: Copies }>;
  refresh(): Promise<{ answered: number; of: number }>;
  join(invitation: string): Promise<{ peer: string; name: string }>;
  spread(): Promise<{ copies?: Copies }>;
  setReplicas(replicas: number): Promise<void>;
  nodes(): NodeInfo[];
  whereabouts(path: string): Promise<{ blocks: number; bytes: number; holders: Holder[] }>;
  keep(path: string, onProgress?: (bytes: number) => void): Promise<void>;
  storage(): Promise<{ mine: number; others: number; limit: number; blocks: number }>;
  share(path: string): Promise<{ link: string; id: string }>;
  shares(): Promise<{ id: string; path: string; created: number }[]>;
  withdraw(id: string): Promise<void>;
  suspend(suspended: boolean): void;
}

export interface TabClass {
  found(o: { store: string; device: Device; paper: Device; fence: number }): Promise<void>;
  restore(o: { store: string; device: Device; paper: Device; addresses: string[]; fence: number }): Promise<{ vault: string; reached: number; of: number }>;
  open(o: { store: string; device: Device; fence: number; limit: number; sealers: readonly Port<Job, Job>[]; onEvent: (event: TabEvent) => void }): Promise<Tab>;
}

export interface SharedTabClass {
  open(o: { link: string; sealers: readonly Port<Job, Job>[]; onEvent: (event: TabEvent) => void }): Promise<Readable>;
}

/** A job on its way to a sealing worker, or its outcome on the way back: number, header, payload, its length. Null is a worker's last breath. */
export type Job = readonly [number, Uint8Array, ArrayBuffer, number] | null;

/** The module. */
export interface Bindings {
  readonly Device: DeviceClass;
  readonly Tab: TabClass;
  readonly SharedTab: SharedTabClass;
  /** Does the jobs that come through a port. */
  serveSealing(port: Port<Job, Job>): void;
  /** Has buffers freed by this function. */
  freeWith(free: (buffer: ArrayBuffer) => void): void;
}
