// The public class: a peer as a page sees it. Thin: it brings what callers give into shape and hands it to the service.

import { CachetteError } from "./errors.js";
import { Events } from "./events.js";
import { loader } from "./loading.js";
import { entries, pathOf, read } from "./looking.js";
import type { Home, Platform } from "./platform.js";
import type { OpenInput } from "./protocol.js";
import { Client } from "./rpc.js";
import { Shared } from "./shared.js";
import { named, normal, take } from "./sources.js";
import { persist, promised } from "./storage.js";
import { watchVisibility } from "./suspension.js";
import type {
  CallOptions,
  FileInfo,
  GetOptions,
  LinkOptions,
  NodeInfo,
  OpenOptions,
  PeerEvent,
  PeerInfo,
  Progress,
  PutAllOptions,
  PutItem,
  PutOptions,
  PutOutcome,
  Recovery,
  Refreshed,
  RestoreOptions,
  ShareInfo,
  ShareLink,
  Source,
  Status,
  StorageInfo,
  VaultState,
  Whereabouts,
} from "./types.js";

/**
 * A peer: one vault of files, kept encrypted in this browser and on the nodes that the vault trusts.
 *
 * All tabs of an origin that open the same name share one peer. One of them runs it; when it goes away, another one takes over within
 * two seconds, and calls that were not answered go on there.
 */
export abstract class PeerBase implements AsyncDisposable {
  /** Where peers of this class run. */
  protected static readonly platform: Platform;

  /** The recovery words, only in the session that made the vault. Show them: there is no other way to see them. */
  readonly recovery?: Recovery | undefined;
  /** This device's peer id. */
  readonly id: string;
  /** The vault's id. */
  readonly vault: string;
  readonly #client: Client;
  readonly #events: Events;
  readonly #home: Home;
  readonly #leave: () => void;

  /** Use {@link PeerBase.open}. */
  protected constructor(parts: Parts) {
    this.id = parts.id;
    this.vault = parts.vault;
    this.#client = parts.client;
    this.#events = parts.events;
    this.#home = parts.home;
    this.#leave = parts.leave;
    const { words } = parts;
    if (words !== undefined) {
      const nodes = async () => (await this.nodes()).flatMap(({ addresses, peer }) => addresses.map((address) => `${address}/#${peer}`));
      this.recovery = { words, nodes };
    }
  }

  /** Says whether there is a vault under a name in this browser, and whether it wants a password. */
  static async state(name: string = DEFAULT_NAME): Promise<VaultState> {
    this.platform.check();
    return this.platform.state(name);
  }

  /**
   * Opens the vault under a name; when there is none, makes one, and then `recovery` is set. An invitation is redeemed if it is new.
   *
   * Rejects with `locked` or `wrong-password`, `wrong-invitation`, `unreachable`, `refused`, `storage-refused`, `unsupported`.
   */
  static open<P extends PeerBase>(this: PeerClass<P>, options: OpenOptions = {}): Promise<P> {
    const { password, invitation, limit } = options;
    return begin(this, options, { password, invitation, limit, create: true });
  }

  /**
   * Brings a vault back from its recovery words and the address of one of its nodes.
   *
   * Rejects with `wrong-words`, `unreachable`, `too-few-nodes`, `vault-exists`.
   */
  static restore<P extends PeerBase>(this: PeerClass<P>, options: RestoreOptions): Promise<P> {
    const { password, invitation, limit, words, nodes } = options;
    return begin(this, options, { password, invitation, limit, create: false, restore: { words, nodes: [...nodes] } });
  }

  /**
   * Closes the peer of a name in every tab and deletes what this browser keeps of it, its device's seed first. Nodes keep what they have,
   * and the recovery words open it again; without them and without nodes it is gone.
   */
  static async erase(name: string = DEFAULT_NAME): Promise<void> {
    this.platform.check();
    await this.platform.erase(name);
  }

  /** Opens a read link, the whole address or what stands behind its `#`. Nothing is kept in this browser. */
  static async link(link: string, options: LinkOptions = {}): Promise<Shared> {
    return Shared.open(this.platform, link, options);
  }

  /**
   * Puts a file. Resolves when it is safe, or, in a vault without nodes, when this browser keeps it; the answer's `safety` says which.
   * While too few nodes answer it waits.
   */
  async put(source: Source, options: PutOptions): Promise<FileInfo> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const path = named(options.path);
    const { blob, stream, modified } = take(source);
    const input = { path, modified: options.modified ?? modified ?? Date.now(), blob };
    return this.#client.call("put", input, { signal, onProgress: onProgress as (value: never) => void, stream });
  }

  /** Puts many files with few commits, and tells how each ended as it ends. Leaving the loop gives up those that are not done. */
  async *putAll(items: Iterable<PutItem> | AsyncIterable<PutItem>, options: PutAllOptions = {}): AsyncIterableIterator<PutOutcome> {
    const { signal, onProgress } = options;
    const stop = new AbortController();
    const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const outcomes: PutOutcome[] = [];
    let open = 0;
    let over = false;
    let failure: { readonly error: unknown } | undefined;
    let waiting: (() => void)[] = [];
    const changed = () => new Promise<void>((resolve) => waiting.push(resolve));
    const wake = () => {
      const woken = waiting;
      waiting = [];
      for (const go of woken) go();
    };
    const putOne = async ({ path, source, modified }: PutItem) => {
      const progress = onProgress && ((step: Progress) => onProgress(path, step));
      try {
        outcomes.push({ path, file: await this.put(source, { path, modified, signal: both, onProgress: progress }) });
      } catch (error) {
        outcomes.push({ path, error: error as Error });
      }
      open--;
      wake();
    };
    const feed = async () => {
      for await (const item of items) {
        both.throwIfAborted();
        open++;
        void putOne(item);
        // Outcomes that nobody took count too.
        while (open + outcomes.length >= AT_ONCE) await changed();
      }
    };
    void feed()
      .catch((error: unknown) => (failure = { error }))
      .finally(() => {
        over = true;
        wake();
      });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const outcome = outcomes.shift();
        if (outcome) {
          wake();
          yield outcome;
        } else if (over && open === 0) break;
        else await changed();
      }
      if (failure) throw failure.error;
    } finally {
      stop.abort(new CachetteError("cancelled", "the loop over the files was left"));
    }
  }

  /**
   * Reads a file, or the bytes of a range. Bytes are fetched as the stream is read; cancelling it stops that. A takeover by another tab
   * goes unnoticed. A reader with a buffer of its own, `getReader({ mode: "byob" })`, takes no more memory for a file of any size; what
   * others are given is left to the browser's collector, which may wait for hundreds of megabytes.
   */
  get(file: string | FileInfo, options: GetOptions = {}): ReadableStream<Uint8Array> {
    return read(this.#client, file, options);
  }

  /** Lists a folder by name. */
  list(path: string | FileInfo = "/", options: CallOptions = {}): AsyncIterableIterator<FileInfo> {
    return entries(this.#client, pathOf(path), options.signal);
  }

  /** Looks one file or folder up. */
  async stat(path: string, options: CallOptions = {}): Promise<FileInfo> {
    return this.#client.call("stat", { path: normal(path) }, options);
  }

  /** Makes a folder, and those on the way to it. */
  async makeFolder(path: string, options: CallOptions = {}): Promise<void> {
    await this.#client.call("makeFolder", { path: named(path) }, options);
  }

  /** Moves or renames a file or folder. */
  async move(from: string | FileInfo, to: string, options: CallOptions = {}): Promise<void> {
    await this.#client.call("move", { from: named(pathOf(from)), to: named(to) }, options);
  }

  /** Removes a file, or a folder with all that is in it. */
  async remove(path: string | FileInfo, options: CallOptions = {}): Promise<void> {
    await this.#client.call("remove", { path: named(pathOf(path)) }, options);
  }

  /** Makes a link that shows a file or folder, as it is now, to whoever has it. */
  async share(path: string | FileInfo, options: CallOptions = {}): Promise<ShareLink> {
    const { id, link } = await this.#client.call("share", { path: pathOf(path) }, { ...options, once: true });
    const fragment = link.slice(link.indexOf("#") + 1);
    const url = (base?: string | URL) => {
      const whole = new URL(base ?? globalThis.location.origin);
      whole.hash = fragment;
      return whole.href;
    };
    return { id, fragment, url };
  }

  /** Lists the links that were made and not withdrawn. */
  async shares(options: CallOptions = {}): Promise<ShareInfo[]> {
    return this.#client.call("shares", undefined, options);
  }

  /** Makes a link lead nowhere. Whoever opened it before may have kept what it showed. */
  async withdraw(id: string, options: CallOptions = {}): Promise<void> {
    await this.#client.call("withdraw", { id }, options);
  }

  /** Redeems an invitation: its node joins the vault, and is given copies of what is there already. */
  async join(invitation: string, options: CallOptions = {}): Promise<NodeInfo> {
    return this.#client.call("join", { invitation }, { ...options, once: true });
  }

  /** Lists the vault's nodes. */
  async nodes(options: CallOptions = {}): Promise<NodeInfo[]> {
    return this.#client.call("nodes", undefined, options);
  }

  /** Lists nodes and tabs, with what is known of each now. */
  async peers(options: CallOptions = {}): Promise<PeerInfo[]> {
    return this.#client.call("peers", undefined, options);
  }

  /** Says who holds the parts of a file or folder. */
  async whereabouts(path: string | FileInfo, options: CallOptions = {}): Promise<Whereabouts> {
    return this.#client.call("whereabouts", { path: pathOf(path) }, options);
  }

  /** Keeps a copy of a file in this browser: all of it, or it fails with `not-complete`. Reports bytes that are here so far. */
  async keep(path: string | FileInfo, options: CallOptions & { onProgress?: (bytes: number) => void } = {}): Promise<void> {
    const { signal, onProgress } = options;
    await this.#client.call("keep", { path: pathOf(path) }, { signal, onProgress: onProgress as (value: never) => void });
  }

  /** Sets how many lasting copies are wanted. */
  async setReplicas(replicas: number, options: CallOptions = {}): Promise<void> {
    await this.#client.call("setReplicas", { replicas }, options);
  }

  /** Asks the nodes what other devices wrote. It happens by itself every now and then. */
  async refresh(options: CallOptions = {}): Promise<Refreshed> {
    return this.#client.call("refresh", undefined, options);
  }

  /** Says what this browser holds, and what it promised. */
  async storage(options: CallOptions = {}): Promise<StorageInfo> {
    const [held, browser] = await Promise.all([this.#client.call("storage", undefined, options), promised()]);
    return { ...held, ...browser };
  }

  /** Asks the browser not to clear this origin by itself, and says whether it promised that. Ask when a person just did something. */
  persist(): Promise<boolean> {
    return persist();
  }

  /** Says how the vault is doing. */
  async status(options: CallOptions = {}): Promise<Status> {
    const status = await this.#client.call("status", undefined, options);
    return { ...status, leader: this.#home.leading, pending: this.#client.pending };
  }

  /** Sets, changes or removes the password of this device's seed. `old` is wanted if there is one. */
  async setPassword(password: string | undefined, old?: string, options: CallOptions = {}): Promise<void> {
    await this.#client.call("setPassword", { password, old }, { ...options, once: true });
  }

  /** Closes this peer in every tab, and forgets the seed that the password had opened. */
  async lock(): Promise<void> {
    await this.#client.call("lock", undefined).catch((error: unknown) => {
      // The word that everybody closes may come before the answer.
      if ((error as { code?: unknown }).code !== "locked") throw error;
    });
    await this.close();
  }

  /** Tells what happens from now on, until the loop is left or the peer closes. A slow reader gets `missed`. */
  events(options: CallOptions = {}): AsyncIterableIterator<PeerEvent> {
    return this.#events.subscribe(options.signal);
  }

  /** Closes this tab's side; calls that are not answered reject with `closed`. Other tabs go on. */
  async close(): Promise<void> {
    this.#leave();
    await this.#home.close();
  }

  /** The same, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A class of peers. */
export interface PeerClass<P> {
  /** @internal */
  readonly prototype: P;
}

interface Parts {
  readonly id: string;
  readonly vault: string;
  readonly words: string | undefined;
  readonly client: Client;
  readonly events: Events;
  readonly home: Home;
  readonly leave: () => void;
}

async function begin<P extends PeerBase>(of: PeerClass<P>, options: OpenOptions, input: OpenInput): Promise<P> {
  const { platform } = of as unknown as { platform: Platform };
  const { name = DEFAULT_NAME, signal } = options;
  signal?.throwIfAborted();
  platform.check();
  if (name === "") throw new CachetteError("invalid-argument", "the name is empty", { hint: "leave it out, or choose one" });
  const events = new Events();
  let over = false;
  const leave = (error: CachetteError) => {
    if (over) return;
    over = true;
    unwatch();
    client.close(error);
    events.close();
  };
  const client = new Client({ event: (event) => events.emit(event), lost: (error) => end(error) });
  // Not at once: whoever tells of the end is in the middle of something.
  const end = (error: CachetteError) => {
    leave(error);
    void Promise.resolve().then(() => home.close());
  };
  const unwatch = watchVisibility((visible) => client.tell({ type: "visible", visible }));
  const home = platform.enter({
    name,
    module: loader(platform, options),
    script: options.worker,
    client,
    listening: () => events.listened,
    onLeading: (leading) => events.emit({ type: "leader", leading }),
    onInterrupted: (code, message) => events.emit({ type: "interrupted", code, message }),
    onLocked: () => {
      events.emit({ type: "locked" });
      end(new CachetteError("locked", "the vault was locked", { hint: "open it again with its password" }));
    },
    onFailed: end,
  });
  try {
    const again = (session: CryptoKey | undefined): OpenInput => ({ limit: input.limit, create: false, session });
    const opened = await client.open(input, ({ session }) => again(session), signal);
    const Class = of as unknown as new (parts: Parts) => P;
    const closed = () => new CachetteError("closed", "this peer is closed", { hint: "open it again" });
    return new Class({ id: opened.peer, vault: opened.vault, words: opened.words, client, events, home, leave: () => leave(closed()) });
  } catch (error) {
    end(new CachetteError("closed", "this peer could not be opened"));
    throw error;
  }
}

const DEFAULT_NAME = "cachette";
/** Files of `putAll` that are asked for, or done and not taken, at once: as many as may share a commit. */
const AT_ONCE = 4096;
