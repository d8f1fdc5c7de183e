// The page's side of the service worker: gives files addresses, and feeds the worker with their bytes as it pulls.

import type { FileInfo, Peer } from "cachette";

import { kind } from "../kinds.ts";
import { Archive } from "./archive.ts";
import { SteppedRead } from "./stepped-read.ts";
import { KEEP_AWAKE, STREAMS, type StreamDemand, type StreamHead, type StreamPiece, type StreamQuestion } from "./stream-protocol.ts";

/** Whatever files can be read from: a vault or an opened link. */
export type Library = Pick<Peer, "get" | "list" | "stat">;

/** What an address leads to. */
export interface Content {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  /** Shown in an origin of its own, unless the browser's own viewer refuses to work there. */
  readonly sandbox: boolean;
  /** Any part of it can be had without what is before. */
  readonly hasRanges: boolean;
  /** Reads from `start` to before `end`; `isAllWanted` if nobody will stop on the way. */
  read(range: { start: number; end: number }, isAllWanted: boolean): Pieces;
}

/** Bytes on their way to whoever pulls. */
export interface Pieces {
  /** Returns the next piece, or nothing at the end. */
  next(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

interface Offer {
  readonly content: Content;
  readonly download: boolean;
  /** Why the last read of it failed that did. */
  failure?: unknown;
}

const SCRIPT = "/service-worker.js";
/** A browser without service workers gets files of at most this size, whole. */
const WHOLE_MAX = 256 << 20;
/** Time for the browser to begin a download before the frame that asked for it goes. */
const FRAME_KEPT = 60_000;
/** This browser shows PDFs in a viewer of its own that does not start in a sandbox. */
const PDF_NEEDS_ITS_ORIGIN = "userAgentData" in navigator;

class Streams {
  readonly #offers = new Map<string, Offer>();
  #open = 0;
  #ready: Promise<boolean> | undefined;

  /** Registers the worker. */
  start(): void {
    if (!("serviceWorker" in navigator)) return;
    navigator.serviceWorker.addEventListener("message", ({ data, ports }: MessageEvent<StreamQuestion>) => {
      const [port] = ports;
      if (data?.type === "stream" && port) this.#answer(data, port);
    });
    navigator.serviceWorker.startMessages();
    this.#ready = this.#register().catch(() => false);
    window.setInterval(() => {
      if (this.#open > 0) navigator.serviceWorker.controller?.postMessage("awake");
    }, KEEP_AWAKE);
  }

  /** Gives a file an address that works on this page until it is taken back. */
  offer(library: Library, file: FileInfo): Promise<string> {
    return this.#offer({ content: stored(library, file), download: false });
  }

  takeBack(address: string): void {
    if (address.startsWith("blob:")) URL.revokeObjectURL(address);
    else this.#offers.delete(token(address));
  }

  /** Why the bytes of an address could not be read; nothing if all that were asked for came. */
  failure(address: string): unknown {
    return this.#offers.get(token(address))?.failure;
  }

  /**
   * Saves a file to the disk, or a folder or several things as one archive named `together`, without holding it in memory. Returns the
   * paths of what an archive cannot hold.
   */
  async download(library: Library, chosen: readonly FileInfo[], together = ""): Promise<readonly string[]> {
    const [only] = chosen;
    if (chosen.length === 1 && only?.kind === "file") {
      await this.#save(stored(library, only));
      return [];
    }
    const archive = await Archive.of(library, chosen, together);
    await this.#save(archive);
    return archive.leftOut;
  }

  async #save(content: Content): Promise<void> {
    const address = await this.#offer({ content, download: true });
    if (address.startsWith("blob:")) {
      const link = document.createElement("a");
      link.href = address;
      link.download = content.name;
      link.click();
    } else {
      // The worker's answer is an attachment, so the frame stays empty and the page where it is.
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "Download";
      frame.src = address;
      document.body.append(frame);
      window.setTimeout(() => frame.remove(), FRAME_KEPT);
    }
  }

  async #offer(offer: Offer): Promise<string> {
    if (!(await this.#ready)) return whole(offer.content);
    const token = crypto.randomUUID();
    this.#offers.set(token, offer);
    return `${STREAMS}${token}/${encodeURIComponent(offer.content.name.toWellFormed())}`;
  }

  async #register(): Promise<boolean> {
    await navigator.serviceWorker.register(SCRIPT);
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      // It takes over this page as soon as it is active, unless the person forced a reload past it.
      await Promise.race([
        new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true })),
        new Promise((resolve) => window.setTimeout(resolve, 3_000)),
      ]);
    }
    return navigator.serviceWorker.controller !== null;
  }

  #answer(question: StreamQuestion, port: MessagePort): void {
    const offer = this.#offers.get(question.token);
    if (!offer) return;
    const { content, download } = offer;
    const { name, mediaType, size, sandbox, hasRanges } = content;
    const range = parse(hasRanges ? question.range : undefined, size);
    const head: StreamHead = { type: "head", name, mediaType, size, download, sandbox, hasRanges, range };
    port.postMessage(head);
    if (range) this.#feed(offer, range, port);
  }

  #feed(offer: Offer, range: { start: number; end: number }, port: MessagePort): void {
    const read = offer.content.read(range, offer.download);
    this.#open++;
    let open = true;
    const end = (): void => {
      if (open) this.#open--;
      open = false;
      port.close();
    };
    const stop = async (): Promise<void> => {
      end();
      await read.cancel().catch(() => {});
    };
    // A worker that the browser ended says nothing any more; where ports tell, nothing is read for it.
    port.addEventListener("close", () => void (open && stop()));
    const say = (piece: StreamPiece): void => port.postMessage(piece, piece.type === "bytes" ? [piece.bytes.buffer] : []);
    port.onmessage = async ({ data }: MessageEvent<StreamDemand>) => {
      if (data === "cancel") return stop();
      try {
        const bytes = await read.next();
        if (!open) return;
        say(bytes ? { type: "bytes", bytes: own(bytes) } : { type: "end" });
        if (!bytes) end();
      } catch (error) {
        if (!open) return;
        offer.failure = error;
        say({ type: "error", message: error instanceof Error ? error.message : String(error) });
        end();
      }
    };
  }
}

/** What names an offer in its address. */
function token(address: string): string {
  return address.slice(STREAMS.length).split("/")[0] ?? "";
}

/** A file of a library as it is stored. */
function stored(library: Library, file: FileInfo): Content {
  const { type, show } = kind(file.name);
  return {
    name: file.name,
    mediaType: type,
    size: file.size,
    sandbox: !(show === "pdf" && PDF_NEEDS_ITS_ORIGIN),
    hasRanges: true,
    read: (range, isAllWanted) => new SteppedRead(library, file, range, isAllWanted),
  };
}

/** Returns the address of content that is held in memory. */
async function whole({ size, mediaType, read }: Content): Promise<string> {
  if (size > WHOLE_MAX) {
    throw new Error("this browser cannot stream: what is above 256 MiB needs one that lets this site have a service worker");
  }
  const pieces = read({ start: 0, end: size }, true);
  const bytes: BlobPart[] = [];
  for (let piece = await pieces.next(); piece; piece = await pieces.next()) bytes.push(own(piece));
  return URL.createObjectURL(new Blob(bytes, { type: mediaType }));
}

/** Reads a `Range` header with one range; whatever else stands there means the whole file. */
function parse(header: string | undefined, size: number): StreamHead["range"] {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return { start: 0, end: size, whole: true };
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  return start < end ? { start, end, whole: false } : undefined;
}

/** Returns bytes whose buffer nobody else uses, so that it can be given away. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return (whole && bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>;
}

export const streams = new Streams();
