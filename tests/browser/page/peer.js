// The worker of a test in which a whole peer runs: what the npm package's worker does, in fewer words.

import init, { Device, Tab, fail, noise } from "/wasm/cachette_browser_tests.js";
import { portOf } from "./port.js";

/** What a sleeping computer does to a worker's clocks, and a hidden tab to its timers. */
const clock = { slept: 0, pace: 1, hidden: false, before: 0, since: performance.now() };
const steady = performance.now.bind(performance);
const [wallStart, steadyStart] = [Date.now(), steady()];
const passed = () => clock.before + (steady() - clock.since) * clock.pace;
Date.now = () => wallStart + passed() + clock.slept;
performance.now = () => steadyStart + passed();

/** Timers that have not rung, with the moment of the wall clock at which they are due. */
const timers = new Map();
const [wait, unwait] = [globalThis.setTimeout, globalThis.clearTimeout];
let last = 0;
globalThis.setTimeout = (work, milliseconds = 0) => {
  timers.set(++last, { work, due: Date.now() + milliseconds });
  arm(last);
  return last;
};
globalThis.clearTimeout = (id) => {
  unwait(timers.get(id)?.handle);
  timers.delete(id);
};
function arm(id) {
  const timer = timers.get(id);
  unwait(timer.handle);
  const rest = Math.max(0, timer.due - Date.now());
  const ring = () => {
    timers.delete(id);
    timer.work();
  };
  timer.handle = wait(ring, (clock.hidden ? Math.ceil(rest / 60_000) * 60_000 : rest) / clock.pace);
}
/** Changes how time passes, also for timers that are set. */
function change(how) {
  clock.before = passed();
  clock.since = steady();
  Object.assign(clock, how);
  for (const id of timers.keys()) arm(id);
}

let module;
const ready = init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) }).then((loaded) => {
  module = loaded;
});
const events = [];
let tab;
/** Puts and reads that a test has left open. */
const open = new Map();

const calls = {
  /** Makes a vault and returns what it takes to open it, here and elsewhere. */
  found: async (store, fence = 1) => {
    const [device, paper] = [Device.fresh(), Device.fresh()];
    await Tab.found({ store, device, paper, fence });
    return { seed: hex(device.seed()), words: paper.words() };
  },
  /** Brings a vault back and returns the new device's seed beside what was found. */
  restore: async (store, words, addresses, fence = 1) => {
    const device = Device.fresh();
    const found = await Tab.restore({ store, device, paper: Device.fromWords(words), addresses, fence });
    return { seed: hex(device.seed()), ...found };
  },
  open: async (store, seed, { fence = 2, sealing = 1, limit = 1 << 30 } = {}) => {
    events.length = 0;
    const device = Device.fromSeed(bytes(seed));
    const ports = Array.from({ length: sealing }, startSealer);
    tab = await Tab.open({ store, device, fence, limit, sealers: ports, onEvent: (event) => events.push(event) });
    return { vault: tab.vault, peer: tab.peer };
  },
  close: () => tab.close(),
  events: () => events.splice(0),
  killSealers: () => postMessage({ order: "kill sealers" }),

  list: (path, after, limit = 100) => tab.list(path, after, limit),
  stat: (path) => tab.stat(path),
  makeFolder: (path, modified = 0) => tab.makeFolder(path, { modified }),
  remove: (path) => tab.remove(path),
  rename: (from, to) => tab.rename(from, to),
  commit: (message = "") => tab.commit(message),
  refresh: () => tab.refresh(),
  join: (invitation) => tab.join(invitation),
  spread: () => tab.spread(),
  nodes: () => tab.nodes(),
  peers: () => tab.peers(),
  storage: () => tab.storage(),
  share: (path) => tab.share(path),
  shares: () => tab.shares(),
  setReplicas: (replicas) => tab.setReplicas(replicas),
  whereabouts: (path) => tab.whereabouts(path),
  keep: async (path) => {
    const progress = [];
    await tab.keep(path, (bytes) => progress.push(bytes));
    return progress;
  },
  suspend: (suspended) => tab.suspend(suspended),

  /** Puts a file of noise, a piece at a time as it is invited. */
  put: async (path, seed, length, modified = 0) => {
    const content = noise(seed, length);
    const putting = tab.put(path, { modified });
    for (let at = 0; at < length; ) {
      const room = Math.min(await putting.room(), 1 << 20, length - at);
      if (room === 0) break;
      putting.write(content.subarray(at, at + room));
      at += room;
    }
    return putting.end();
  },
  /** Begins a put and gives as much as is invited at first. */
  beginPut: async (name, path, seed) => {
    const putting = tab.put(path, { modified: 0 });
    open.set(name, putting);
    putting.write(noise(seed, await putting.room()));
  },
  endPut: (name) => open.get(name).end(),
  cancel: (name) => open.get(name).cancel(),
  overfill: async (path) => {
    const putting = tab.put(path, { modified: 0 });
    putting.write(new Uint8Array((await putting.room()) + 1));
  },
  /** Reads and returns how much came, in how many pieces, and its hash. */
  read: async (path, from = 0, len = undefined) => {
    const reading = tab.read(path, from, len);
    const pieces = [];
    for (let piece; (piece = await reading.next()) !== undefined; ) pieces.push(piece);
    const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
    return { length: whole.length, largest: Math.max(0, ...pieces.map((piece) => piece.length)), hash: await hash(whole) };
  },
  beginRead: async (name, path) => {
    const reading = tab.read(path, 0, undefined);
    open.set(name, reading);
    return (await reading.next()).length;
  },
  readOn: async (name) => (await open.get(name).next())?.length,
  /** Returns the hash of noise, or of a part of it. */
  hashOf: (seed, length, from = 0, to = length) => hash(noise(seed, length).subarray(from, to)),

  /** Lets the computer sleep: only the wall clock goes on. Timers that were due meanwhile ring when it wakes. */
  sleepThrough: (milliseconds) => change({ slept: clock.slept + milliseconds }),
  /** From now on half a second is a minute, and timers run once in it. */
  hide: () => change({ pace: 120, hidden: true }),
  /** Lets the browser promise this site so many bytes. */
  promise: (quota) => {
    navigator.storage.estimate = async () => ({ quota, usage: 0 });
  },
  /** Returns how many bytes the module has ever used. */
  memory: () => module.memory.buffer.byteLength,
  /** Makes the module panic. */
  fail: () => fail(),

  /** Puts and commits a file of noise; returns milliseconds. */
  timePut: async (path, mebibytes) => {
    const content = noise(path, mebibytes << 20);
    const start = performance.now();
    const putting = tab.put(path, { modified: 0 });
    for (let at = 0; at < content.length; ) {
      const room = Math.min(await putting.room(), 1 << 20, content.length - at);
      putting.write(content.subarray(at, at + room));
      at += room;
    }
    await putting.end();
    await tab.commit("");
    return performance.now() - start;
  },
  /** Reads a file and keeps nothing of it; returns milliseconds. */
  timeGet: async (path) => {
    const start = performance.now();
    const reading = tab.read(path, 0, undefined);
    while ((await reading.next()) !== undefined);
    return performance.now() - start;
  },
  /** Writes values of 1 MiB as strictly as the store does, several at once as it does; returns milliseconds. */
  timeRawWrites: async (name, count) => {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("rows");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const values = Array.from({ length: count }, (_, number) => noise(`${name} ${number}`, 1 << 20).buffer);
    const start = performance.now();
    await Promise.all(
      values.map(
        (value, number) =>
          new Promise((resolve, reject) => {
            const transaction = database.transaction("rows", "readwrite", { durability: "strict" });
            transaction.objectStore("rows").put(value, number);
            transaction.oncomplete = resolve;
            transaction.onabort = () => reject(transaction.error);
          }),
      ),
    );
    return performance.now() - start;
  },
  /** Receives so many raw messages of 1 MiB; returns milliseconds from the first one on. */
  timeRawMessages: (url, count) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = "arraybuffer";
      let start;
      let received = 0;
      socket.onmessage = () => {
        start ??= performance.now();
        if (++received > count) resolve(performance.now() - start);
      };
      socket.onerror = () => reject(new Error("no messages"));
    }),

  lock: (seed, password) => hex(Device.fromSeed(bytes(seed)).lock(password)),
  unlock: (locked, password) => hex(Device.unlock(bytes(locked), password).seed()),
  words: (seed) => Device.fromSeed(bytes(seed)).words(),
  fromWords: (words) => hex(Device.fromWords(words).seed()),
};

/** Has the page start a sealing worker. */
function startSealer() {
  const { port1, port2 } = new MessageChannel();
  postMessage({ order: "seal", port: port1 }, [port1]);
  return portOf(port2);
}

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const hash = async (bytes) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));

onmessage = async ({ data: { id, method, values } }) => {
  try {
    await ready;
    postMessage({ id, value: await calls[method](...values) });
  } catch (error) {
    const { code, hint, details } = error ?? {};
    postMessage({ id, error: `${code ? `[${code}] ` : ""}${error?.message ?? error}`, code, hint, details });
  }
};
