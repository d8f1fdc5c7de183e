// The page's side of the service worker: gives files addresses, and feeds the worker with their bytes as it pulls.

import type { FileInfo, Peer } from "cachette";

import { kind } from "../kinds.ts";
import { SteppedRead } from "./stepped-read.ts";
import { KEEP_AWAKE, STREAMS, type StreamDemand, type StreamHead, type StreamPiece, type StreamQuestion } from "./stream-protocol.ts";

/** Whatever files can be read from: a vault or an opened link. */
export type Library = Pick<Peer, "get" | "list" | "stat">;

interface Offer {
  readonly library: Library;
  readonly file: FileInfo;
  readonly download: boolean;
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
  async offer(library: Library, file: FileInfo, options: { download?: boolean } = {}): Promise<string> {
    if (!(await this.#ready)) return this.#whole(library, file);
    const token = crypto.randomUUID();
    this.#offers.set(token, { library, file, download: options.download ?? false });
    return `${STREAMS}${token}/${encodeURIComponent(file.name.toWellFormed())}`;
  }

  takeBack(address: string): void {
    if (address.startsWith("blob:")) URL.revokeObjectURL(address);
    else this.#offers.delete(address.slice(STREAMS.length).split("/")[0] ?? "");
  }

  /** Saves a file to the disk without holding it in memory. */
  async download(library: Library, file: FileInfo): Promise<void> {
    const address = await this.offer(library, file, { download: true });
    if (address.startsWith("blob:")) {
      const link = document.createElement("a");
      link.href = address;
      link.download = file.name;
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
    const { file, download } = offer;
    const { type, show } = kind(file.name);
    const range = parse(question.range, file.size);
    const head: StreamHead = {
      type: "head",
      name: file.name,
      mediaType: type,
      size: file.size,
      download,
      sandbox: !(show === "pdf" && PDF_NEEDS_ITS_ORIGIN),
      range,
    };
    port.postMessage(head);
    if (range) this.#feed(offer, range, port);
  }

  #feed({ library, file, download }: Offer, range: { start: number; end: number }, port: MessagePort): void {
    const read = new SteppedRead(library, file, range, download);
    this.#open++;
    let open = true;
    const end = (): void => {
      if (open) this.#open--;
      open = false;
      port.close();
    };
    const say = (piece: StreamPiece): void => port.postMessage(piece, piece.type === "bytes" ? [piece.bytes.buffer] : []);
    port.onmessage = async ({ data }: MessageEvent<StreamDemand>) => {
      if (data === "cancel") {
        end();
        await read.cancel().catch(() => {});
        return;
      }
      try {
        const bytes = await read.next();
        if (!open) return;
        say(bytes ? { type: "bytes", bytes: own(bytes) } : { type: "end" });
        if (!bytes) end();
      } catch (error) {
        if (!open) return;
        say({ type: "error", message: error instanceof Error ? error.message : String(error) });
        end();
      }
    };
  }

  async #whole(library: Library, file: FileInfo): Promise<string> {
    if (file.size > WHOLE_MAX) {
      throw new Error("this browser cannot stream: files above 256 MiB need one that lets this site have a service worker");
    }
    const blob = await new Response(library.get(file)).blob();
    return URL.createObjectURL(blob.slice(0, blob.size, kind(file.name).type));
  }
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
