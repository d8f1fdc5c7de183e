// The words of the public face: what goes into a peer and what comes out of it. Types only, no code.

/** How safe a file is; the same four words everywhere. */
export type Safety =
  /** Only on this device. */
  | "local"
  /** Written to nodes at this moment, and not yet by as many as agreed. */
  | "on-its-way"
  /** At least as many lasting copies as agreed. */
  | "safe"
  /** Fewer lasting copies than agreed, and nothing more can be done at the moment. */
  | "at-risk";

/** How many lasting copies there are, of the part of a change that has the fewest. Copies in tabs do not count. */
export interface Copies {
  /** Copies that nodes keep for good. */
  readonly durable: number;
  /** From this many on it is called safe. */
  readonly safeAt: number;
  /** This many are wanted. */
  readonly wanted: number;
}

/** What `put` takes. Everything but a stream starts again by itself when the tab that does the work goes away. */
export type Source = Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array>;

/** Where the wasm module comes from: its address, a response to it, its bytes, or the compiled module. */
export type WasmSource = URL | string | Response | BufferSource | WebAssembly.Module;

/** A call that can be given up: it rejects with the signal's reason. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How to load what a peer runs on. The defaults work with bundlers and without. */
export interface LoadOptions {
  /** The wasm module; the one beside this script if it is left out. */
  readonly wasm?: WasmSource | undefined;
  /** The address of `cachette/worker`, when a server does not keep it beside this script. It must be of the page's own origin. */
  readonly worker?: URL | string | undefined;
}

/** What `Peer.open` takes. */
export interface OpenOptions extends CallOptions, LoadOptions {
  /** The peer's name within this origin, `cachette` if it is left out. Each name is a vault and a store of its own. */
  readonly name?: string | undefined;
  /** The password that locks this device's seed. Of a new vault it is set, of an older one it must be right. */
  readonly password?: string | undefined;
  /** An invitation that a node printed. It is redeemed unless its node is in the vault already. */
  readonly invitation?: string | undefined;
  /** How many bytes this browser may hold for the vault, its own and others'. */
  readonly limit?: number | undefined;
}

/** What `Peer.restore` takes. */
export interface RestoreOptions extends OpenOptions {
  /** The 24 words of the recovery sheet. */
  readonly words: string;
  /** Addresses of nodes with their ids, as on the sheet: `wss://…/#…`. One that answers is enough. */
  readonly nodes: readonly string[];
}

/** What `Peer.link` takes. */
export interface LinkOptions extends CallOptions, LoadOptions {}

/** What `put` takes beside its source. */
export interface PutOptions extends CallOptions {
  /** Where the file goes: `/folder/name`. Folders on the way are made, a file that is there is replaced. */
  readonly path: string;
  /** When the file was changed, in milliseconds since 1970; a `File`'s own time or now if it is left out. */
  readonly modified?: number | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** One of the files of `putAll`. */
export interface PutItem {
  readonly path: string;
  readonly source: Source;
  readonly modified?: number | undefined;
}

/** What `putAll` takes beside the files. */
export interface PutAllOptions extends CallOptions {
  readonly onProgress?: ((path: string, progress: Progress) => void) | undefined;
}

/** How one file of `putAll` ended. One that fails does not keep the others from being safe. */
export type PutOutcome =
  | { readonly path: string; readonly file: FileInfo; readonly error?: undefined }
  | { readonly path: string; readonly file?: undefined; readonly error: Error };

/** How far a put is. The phases come in this order; the last report says `safe` only if that is so. */
export interface Progress {
  /** `sealing`: read and encrypted here. `sending`: nodes are given what they lack. `safe`: the put is done, see `copies`. */
  readonly phase: "sealing" | "sending" | "safe";
  /** Bytes of the file that were read and encrypted. */
  readonly sealed: number;
  /** Bytes of the file whose parts lie on nodes; an estimate while other files are sent at the same time. */
  readonly sent: number;
  /** The file's size, if it is known beforehand. */
  readonly total?: number | undefined;
  /** From `safe` on, and only when the vault has nodes. */
  readonly copies?: Copies | undefined;
}

/** What kind of thing a path leads to. */
export type FileKind =
  | "file"
  | "folder"
  | "symlink"
  | "mount"
  /** A later release wrote it. */
  | "unknown";

/** A file or folder. */
export interface FileInfo {
  /** The whole path, `/folder/name`. Use it as it is: it may hold what cannot be shown. */
  readonly path: string;
  readonly name: string;
  readonly kind: FileKind;
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** Where a symbolic link leads. */
  readonly target?: string | undefined;
  /** In answers of `put`: how safe this file is now. */
  readonly safety?: Safety | undefined;
  readonly copies?: Copies | undefined;
  /** In answers of `put`: bytes that the vault did not have yet. */
  readonly newBytes?: number | undefined;
}

/** Bytes from `start` to before `end`, counted from 0. */
export interface Range {
  readonly start: number;
  readonly end?: number | undefined;
}

/** What `get` takes beside the file. */
export interface GetOptions extends CallOptions {
  readonly range?: Range | undefined;
}

/** A link that opens one file or folder for whoever has it, without an account. Keep it as you would keep the file. */
export interface ShareLink {
  readonly id: string;
  /** What stands behind `#` in the address. It never reaches a server. */
  readonly fragment: string;
  /** Makes the whole address, of this page's origin if no base is given. */
  url(base?: string | URL): string;
}

/** A link that was made and not withdrawn. */
export interface ShareInfo {
  readonly id: string;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** A node that the vault trusts to keep copies. */
export interface NodeInfo {
  /** The node's peer id. */
  readonly peer: string;
  readonly name: string;
  /** Copies are spread over zones before they are spread over nodes. */
  readonly zone: string;
  /** Where it is reached. On a recovery sheet the node's id stands behind: `${address}/#${peer}`. */
  readonly addresses: readonly string[];
  /** It gives its copies away and gets no new ones. */
  readonly draining: boolean;
}

/** A node or tab, as this peer sees it now. */
export interface PeerInfo {
  readonly peer: string;
  readonly name: string;
  readonly kind: "node" | "tab";
  readonly state: "up" | "suspended" | "down";
  /** Since when it is in that state, in milliseconds since 1970. */
  readonly since?: number | undefined;
  /** Why it is down. */
  readonly reason?: string | undefined;
  /** Milliseconds for a message there and back. */
  readonly roundTrip?: number | undefined;
  readonly path: "direct" | "relayed";
  readonly zone?: string | undefined;
  /** Bytes that it holds for this vault. */
  readonly used?: number | undefined;
  /** Bytes that it would hold for this vault. */
  readonly limit?: number | undefined;
  readonly blocks?: number | undefined;
  /** Bytes sent to it since this peer opened. */
  readonly sent: number;
  /** Bytes received from it since this peer opened. */
  readonly received: number;
}

/** A peer that holds parts of what was asked about. */
export interface Holder {
  readonly peer: string;
  readonly kind: "node" | "tab";
  readonly blocks: number;
  readonly bytes: number;
  /** Bytes that nobody else holds: what would be lost with this peer. */
  readonly alone: number;
}

/** Where a file's parts lie. */
export interface Whereabouts {
  readonly blocks: number;
  readonly bytes: number;
  readonly holders: readonly Holder[];
}

/** What this browser holds, and what it promised. */
export interface StorageInfo {
  /** Bytes held because this device wrote or read them. */
  readonly mine: number;
  /** Bytes held for other devices. */
  readonly others: number;
  /** Bytes that may be held in all. */
  readonly limit: number;
  readonly blocks: number;
  /** Bytes that the browser grants this origin; 0 if it does not say. */
  readonly quota: number;
  /** Bytes that this origin uses as the browser counts them. */
  readonly usage: number;
  /** The browser promised not to clear this origin by itself. */
  readonly persisted: boolean;
  /** A private window, and the browser lets on: what is stored goes away with it. Not every browser does. */
  readonly ephemeral: boolean;
}

/** How the vault is doing. */
export interface Status {
  readonly safety: Safety;
  /** Of the last change that was committed since this peer opened. */
  readonly copies?: Copies | undefined;
  /** Nodes of the vault. */
  readonly nodes: number;
  /** Nodes that a link is open to. */
  readonly answering: number;
  /** This tab runs the peer for all tabs of this origin. */
  readonly leader: boolean;
  /** Calls of this tab that are not done. */
  readonly pending: number;
}

/** What a new vault's owner must write down. There is no other way back in when this browser's data is cleared. */
export interface Recovery {
  /** 24 words. */
  readonly words: string;
  /** Addresses of the vault's nodes at the moment, with their ids: they belong on the same sheet. */
  nodes(): Promise<string[]>;
}

/** What `refresh` learned. */
export interface Refreshed {
  /** Nodes that said which state of the vault they have. */
  readonly answered: number;
  readonly of: number;
}

/** What happens while a peer is open; tell them apart by `type`. */
export type PeerEvent =
  | { readonly type: "peer-up"; readonly peer: string; readonly name?: string | undefined }
  | { readonly type: "peer-down"; readonly peer: string; readonly name?: string | undefined; readonly reason?: string | undefined }
  /** Parts were taken by nodes: how many in all, how many wait, how many bytes. */
  | { readonly type: "placed"; readonly done: number; readonly waiting: number; readonly bytes: number }
  /** Files changed, here or on another device. List again what is shown. */
  | { readonly type: "changed" }
  /** Something that a person should know: somebody tries to turn the vault back, or a node lies. */
  | { readonly type: "alarm"; readonly message: string }
  /** The browser gives no more room. What is on nodes stays there. */
  | { readonly type: "storage-full" }
  /** Copies that are safe elsewhere made room. */
  | { readonly type: "evicted"; readonly blocks: number }
  /** This tab began or ceased to run the peer for all tabs of this origin. */
  | { readonly type: "leader"; readonly leading: boolean }
  /** The peer had to be opened anew; calls go on by themselves where that is possible. */
  | { readonly type: "interrupted"; readonly code: string; readonly message: string }
  /** Another tab locked the vault; this peer is closed. */
  | { readonly type: "locked" }
  /** The reader of these events was slow, and so many of them were dropped. */
  | { readonly type: "missed"; readonly count: number };

/** Whether there is a vault under a name in this browser: none, one that opens by itself, or one that wants its password. */
export type VaultState = "none" | "ready" | "locked";

/** Why something failed, to be compared with; messages may change, codes do not. */
export type ErrorCode =
  // About files.
  | "not-found"
  | "not-a-folder"
  | "not-a-file"
  | "exists"
  | "into-itself"
  | "wrong-path"
  // About copies: too few peers answered; nobody is left who has it; not enough took it; this browser has parts only; what came was wrong.
  | "unavailable"
  | "lost"
  | "not-safe"
  | "not-complete"
  | "damaged"
  | "newer-release"
  | "no-right"
  | "no-key"
  | "cancelled"
  | "self-check"
  | "not-kept"
  // About what a person typed.
  | "wrong-password"
  | "wrong-words"
  | "wrong-invitation"
  | "wrong-link"
  // About a link that is whole: taken back by whoever made it; known to no node that answered; impossible without a node.
  | "withdrawn"
  | "vanished"
  | "no-nodes"
  // About the way to nodes.
  | "unreachable"
  | "refused"
  | "too-few-nodes"
  // About this browser's storage.
  | "storage-refused"
  | "storage-full"
  | "storage-blocked"
  | "later-release"
  // About this peer: locked, no or already a vault under this name, the work was cut off, closed, called wrongly, not possible here.
  | "locked"
  | "no-vault"
  | "vault-exists"
  | "stale-leader"
  | "interrupted"
  | "closed"
  | "invalid-argument"
  | "unsupported"
  | "internal";
