// What a read link shows: files that can be listed and read, and nothing else.

import { CachetteError } from "./errors.js";
import { loader } from "./loading.js";
import { entries, pathOf, read } from "./looking.js";
import type { Platform } from "./platform.js";
import { Client } from "./rpc.js";
import { normal } from "./sources.js";
import type { CallOptions, FileInfo, GetOptions, LinkOptions, PeerInfo } from "./types.js";

/** An opened read link. */
export class Shared implements AsyncDisposable {
  readonly #client: Client;
  readonly #close: () => Promise<void>;

  private constructor(client: Client, close: () => Promise<void>) {
    this.#client = client;
    this.#close = close;
  }

  /** @internal */
  static async open(platform: Platform, link: string, options: LinkOptions): Promise<Shared> {
    const { signal, worker } = options;
    signal?.throwIfAborted();
    platform.check();
    const client = new Client({ event: () => undefined, lost: (error) => client.close(error) });
    const onFatal = (message: string) => client.close(new CachetteError("interrupted", message, { hint: "open the link again" }));
    const frame = await platform.look({ link, module: await loader(platform, options)(), script: worker, onFatal });
    client.attach(frame.view);
    try {
      await client.open({ create: false }, () => ({ create: false }), signal);
    } catch (error) {
      await frame.close();
      throw error;
    }
    return new Shared(client, () => frame.close());
  }

  /** Lists a folder; `/` is what the link leads to, or the folder that has it as its only entry. */
  list(path: string | FileInfo = "/", options: CallOptions = {}): AsyncIterableIterator<FileInfo> {
    return entries(this.#client, pathOf(path), options.signal);
  }

  /** Looks one file or folder up. */
  async stat(path: string, options: CallOptions = {}): Promise<FileInfo> {
    return this.#client.call("stat", { path: normal(path) }, options);
  }

  /** Reads a file, or the bytes of a range, as the stream is read. */
  get(file: string | FileInfo, options: GetOptions = {}): ReadableStream<Uint8Array> {
    return read(this.#client, file, options);
  }

  /** Lists the peers that this link is read from. */
  async peers(options: CallOptions = {}): Promise<PeerInfo[]> {
    return this.#client.call("peers", undefined, options);
  }

  /** Closes it; reads that are not done reject with `closed`. */
  async close(): Promise<void> {
    this.#client.close(new CachetteError("closed", "this link is closed"));
    await this.#close();
  }

  /** The same, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
