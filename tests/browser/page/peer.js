// The worker of a test in which a whole peer runs: what the npm package's worker does, in fewer words.

import init, { Device, Tab, noise } from "/wasm/cachette_browser_tests.js";

const ready = init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) });
const events = [];
const sealers = [];
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
  open: async (store, seed, { fence = 2, sealing = 1, limit = 1 << 30 } = {}) => {
    events.length = 0;
    const device = Device.fromSeed(bytes(seed));
    const ports = Array.from({ length: sealing }, startSealer);
    tab = await Tab.open({ store, device, fence, limit, sealers: ports, onEvent: (event) => events.push(event) });
    return { vault: tab.vault, peer: tab.peer };
  },
  close: () => tab.close(),
  events: () => events.splice(0),
  killSealers: () => sealers.splice(0).forEach((sealer) => sealer.terminate()),

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

  lock: (seed, password) => hex(Device.fromSeed(bytes(seed)).lock(password)),
  unlock: (locked, password) => hex(Device.unlock(bytes(locked), password).seed()),
  words: (seed) => Device.fromSeed(bytes(seed)).words(),
  fromWords: (words) => hex(Device.fromWords(words).seed()),
};

function startSealer() {
  const sealer = new Worker(new URL("sealer.js", import.meta.url), { type: "module" });
  const { port1, port2 } = new MessageChannel();
  sealer.postMessage(port1, [port1]);
  sealers.push(sealer);
  return port2;
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
