// Gives files addresses within the browser: a download goes to the disk and a video to its player as the page reads it, piece by piece.
//
// The worker remembers nothing. For every request it asks the open pages which of them made the address, and pulls from that page as
// fast as the browser takes it. So it may be ended and started at any time between two requests.

import type { StreamDemand, StreamHead, StreamPiece, StreamQuestion } from "./state/stream-protocol.ts";

declare const self: ServiceWorkerGlobalScope;

// As in stream-protocol.ts: a service worker is one file without imports, so that every browser takes it.
const STREAMS = "/stream/";
/** Pages answer within milliseconds; one that is frozen or closed does not. */
const PATIENCE = 10_000;
/** What is shown came from somebody: it gets an origin of its own, no scripts, and nothing from the network. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; media-src data: blob:; font-src data:; frame-ancestors 'self'";

self.addEventListener("install", () => void self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== self.location.origin || !pathname.startsWith(STREAMS)) return;
  const token = pathname.slice(STREAMS.length).split("/")[0] ?? "";
  event.respondWith(answer(token, event.request.headers.get("range") ?? undefined));
});

async function answer(token: string, range: string | undefined): Promise<Response> {
  const found = await ask({ type: "stream", token, range });
  if (!found) return new Response("The page that had this file is closed.", { status: 410, headers: strict(true) });
  const { head, port } = found;
  const headers = strict(head.sandbox);
  headers.set("content-type", head.mediaType);
  headers.set("accept-ranges", head.hasRanges ? "bytes" : "none");
  headers.set("content-disposition", `${head.download ? "attachment" : "inline"}; filename*=UTF-8''${encode(head.name)}`);
  if (!head.range) {
    headers.set("content-range", `bytes */${head.size}`);
    return new Response(null, { status: 416, headers });
  }
  const { start, end, whole } = head.range;
  headers.set("content-length", String(end - start));
  if (!whole) headers.set("content-range", `bytes ${start}-${end - 1}/${head.size}`);
  return new Response(body(port), { status: whole ? 200 : 206, headers });
}

/** Asks all pages; the first and only one that knows the token answers. */
async function ask(question: StreamQuestion): Promise<{ head: StreamHead; port: MessagePort } | undefined> {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const ports = pages.map((page) => {
    const { port1, port2 } = new MessageChannel();
    page.postMessage(question, [port2]);
    return port1;
  });
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), PATIENCE);
    for (const port of ports) {
      port.onmessage = ({ data }: MessageEvent<StreamHead>) => {
        clearTimeout(late);
        for (const other of ports) if (other !== port) other.close();
        resolve({ head: data, port });
      };
    }
  });
}

/** Pulls one piece whenever the browser wants more. */
function body(port: MessagePort): ReadableStream<Uint8Array> {
  const say = (demand: StreamDemand): void => port.postMessage(demand);
  return new ReadableStream(
    {
      pull: (controller) =>
        new Promise<void>((resolve) => {
          port.onmessage = ({ data }: MessageEvent<StreamPiece>) => {
            if (data.type === "bytes") controller.enqueue(data.bytes);
            else if (data.type === "end") controller.close();
            else controller.error(new Error(data.message));
            if (data.type !== "bytes") port.close();
            resolve();
          };
          say("pull");
        }),
      cancel: () => {
        say("cancel");
        port.close();
      },
    },
    { highWaterMark: 0 },
  );
}

function strict(sandbox: boolean): Headers {
  return new Headers({
    "content-security-policy": sandbox ? `sandbox; ${POLICY}` : POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
  });
}

/** A name as RFC 8187 writes it. */
function encode(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
