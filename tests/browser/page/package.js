// The page of the package's tests: what they do with a peer, by its public face only.

import { free } from "/package/buffers.js";
import { CachetteError, Peer } from "/package/index.js";

const peers = new Map();
const streams = new Map();
const aborts = new Map();
const running = new Map();
const events = new Map();
const told = new Map();

const plain = ({ recovery: _, ...file }) => file;

/** Turns what is thrown into what a test can look at. */
async function outcome(work) {
  try {
    return { value: await work };
  } catch (error) {
    if (error instanceof CachetteError) return { code: error.code, message: error.message, hint: error.hint };
    return { name: error?.name, message: error?.message ?? String(error) };
  }
}

const actions = {
  state: (name) => Peer.state(name),
  open: async (key, options = {}) => {
    const peer = await Peer.open(options);
    peers.set(key, peer);
    return { id: peer.id, vault: peer.vault, words: peer.recovery?.words };
  },
  restore: async (key, options) => {
    const peer = await Peer.restore(options);
    peers.set(key, peer);
    return { id: peer.id, vault: peer.vault };
  },
  share: async (key, path) => {
    const { id, fragment, url } = await peers.get(key).share(path);
    return { id, fragment, url: url() };
  },
  link: async (key, link) => {
    peers.set(key, await Peer.link(link));
  },
  close: (key) => peers.get(key).close(),
  lock: (key) => peers.get(key).lock(),
  call: async (key, method, ...values) => plain((await peers.get(key)[method](...values)) ?? {}),
  nodes: (key) => peers.get(key).nodes(),
  shares: (key) => peers.get(key).shares(),
  peers: (key) => peers.get(key).peers(),
  sheet: (key) => peers.get(key).recovery.nodes(),

  put: async (key, path, { seed, size, as = "blob", modified, chunk = 1 << 16, abortAt, hold }) => {
    const progress = [];
    const abort = new AbortController();
    aborts.set(path, abort);
    told.set(path, progress);
    const onProgress = (step) => {
      progress.push(step);
      if (abortAt !== undefined && step.sealed >= abortAt) abort.abort(new DOMException("enough", "AbortError"));
    };
    const source = { blob: () => blob(seed, size), file: () => new File([blob(seed, size)], "f", { lastModified: 1234 }) }[as] ?? {
      bytes: () => noise(seed, size),
      stream: () => stream(path, seed, size, chunk, hold),
    }[as];
    const file = await peers.get(key).put(source(), { path, modified, signal: abort.signal, onProgress });
    return { file, progress };
  },
  putAll: async (key, count, size, folder = "/many") => {
    const items = Array.from({ length: count }, (_, i) => ({ path: `${folder}/${i}.bin`, source: new Blob([noise(i + 7, size)]) }));
    const begin = performance.now();
    const failed = [];
    let copies;
    for await (const { error, path, file } of peers.get(key).putAll(items)) {
      if (error) failed.push({ path, message: error.message });
      else if (copies === undefined || file.copies?.durable < copies.durable) copies = file.copies;
    }
    return { failed, ms: performance.now() - begin, copies };
  },
  /** Puts a large file that no two runs share. */
  putRandom: async (key, path, size) => {
    const piece = 1 << 16;
    let left = size;
    const source = new ReadableStream({
      pull(controller) {
        if (left <= 0) return controller.close();
        controller.enqueue(crypto.getRandomValues(new Uint8Array(Math.min(piece, left))));
        left -= piece;
      },
    });
    return plain(await peers.get(key).put(source, { path }));
  },
  /** Puts the file that was chosen. */
  putChosen: async (key, path) => plain(await peers.get(key).put(document.querySelector("input").files[0], { path })),
  /** Reads into buffers of so many bytes and returns how many bytes came, and how many were wrong. */
  getInto: async (key, path, seed, room) => {
    const reader = peers.get(key).get(path).getReader({ mode: "byob" });
    let at = 0;
    let wrong = 0;
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(room));
      if (done) return { size: at, wrong };
      for (let i = 0; i < value.length; i++) if (value[i] !== byte(seed, at + i)) wrong++;
      at += value.length;
    }
  },
  /** Frees a buffer as the package does, and returns what is left of it. */
  free: (size) => {
    const buffer = new ArrayBuffer(size);
    free(buffer);
    return buffer.byteLength;
  },
  /** Reads to the end into one buffer. */
  drain: async (key, path, range) => {
    const reader = peers.get(key).get(path, { range }).getReader({ mode: "byob" });
    let size = 0;
    let room = new ArrayBuffer(1 << 20);
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(room));
      if (done) return size;
      size += value.length;
      room = value.buffer;
    }
  },
  progress: (path) => told.get(path),
  release: (path) => streams.get(path)(),
  abort: (path) => aborts.get(path).abort(new DOMException("enough", "AbortError")),

  /** Reads and returns how many bytes came, and how many were wrong. */
  get: async (key, path, seed, { range, pause, abortAt, cancelAt } = {}) => {
    const abort = new AbortController();
    aborts.set(path, abort);
    const reader = peers.get(key).get(path, { range, signal: abort.signal }).getReader();
    const from = range?.start ?? 0;
    let at = 0;
    let wrong = 0;
    let gate = pause === undefined ? undefined : new Promise((resolve) => streams.set(`get ${path}`, resolve));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { size: at, wrong };
      for (let i = 0; i < value.length; i++) if (value[i] !== byte(seed, from + at + i)) wrong++;
      at += value.length;
      told.set(`get ${path}`, at);
      if (abortAt !== undefined && at >= abortAt) abort.abort(new DOMException("enough", "AbortError"));
      if (cancelAt !== undefined && at >= cancelAt) {
        await reader.cancel();
        return { size: at, wrong };
      }
      if (gate && at >= pause) {
        await gate;
        gate = undefined;
      }
    }
  },
  far: (path) => told.get(`get ${path}`) ?? 0,
  list: async (key, path) => {
    const names = [];
    for await (const { name } of peers.get(key).list(path)) names.push(name);
    return names;
  },
  listen: (key) => {
    const list = [];
    events.set(key, list);
    (async () => {
      for await (const event of peers.get(key).events()) list.push(event);
      list.push({ type: "over" });
    })();
  },
  heard: (key) => events.get(key),
};

globalThis.act = (action, ...values) => outcome(actions[action](...values));
/** Begins something whose end is asked for later. */
globalThis.begin = (id, action, ...values) => {
  running.set(id, outcome(actions[action](...values)));
};
globalThis.end = (id) => running.get(id);
globalThis.ready = true;

/** A byte of a file that no two seeds share, cheap to make anywhere in it. */
function byte(seed, at) {
  const block = Math.imul((at >>> 2) ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b);
  const mixed = Math.imul(block ^ (block >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> ((at & 3) << 3)) & 255;
}

function noise(seed, size, from = 0) {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = byte(seed, from + i);
  return bytes;
}

function blob(seed, size) {
  return new Blob([noise(seed, size)]);
}

/** A stream that may be held in the middle. */
function stream(path, seed, size, chunk, hold) {
  let at = 0;
  let gate = hold === undefined ? undefined : new Promise((resolve) => streams.set(path, resolve));
  return new ReadableStream({
    async pull(controller) {
      if (gate && at >= hold) {
        await gate;
        gate = undefined;
      }
      const now = Math.min(chunk, size - at);
      if (now === 0) return controller.close();
      controller.enqueue(noise(seed, now, at));
      at += now;
    },
  });
}
