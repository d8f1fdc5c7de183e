// The worker of a test: one store, what can go wrong beneath it, and what the vectors speak of.

import init, * as module from "/wasm/cachette_browser_tests.js";

let store;
const ready = init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) });

const calls = {
  open: async (name) => {
    store = await module.TestStore.open(name);
  },
  story: (text) => store.story(text),
  seed: (seed, steps) => store.seed(seed, steps),
  put: (vault, first, count, log) => store.put(vault, first, count, log),
  get: (seed, log) => store.get(seed, log),
  delete: (vault, seed, log) => store.delete(vault, seed, log),
  describe: (vault) => store.describe(vault),
  over: () => store.over,
  close: () => store.close(),

  seal: (secret, pack) => {
    const { suite, id, key, block } = module.seal(bytes(secret), bytes(pack));
    return { suite, id: hex(id), key: hex(key), block: hex(block) };
  },
  compareCiphers: (seed) => module.compareCiphers(seed),
  unseal: ({ suite, id, key, block }) => hex(module.open(suite, bytes(id), bytes(key), bytes(block))),
  chunkId: (secret, content) => hex(module.chunkId(bytes(secret), bytes(content))),
  unpack: (stored, len) => hex(module.unpack(bytes(stored), len)),
  cuts: ({ len, xof, byte }, step) => {
    const content = xof === undefined ? new Uint8Array(len).fill(byte) : module.noise(xof, len);
    return [...module.cuts(content, step)];
  },

  /** Opens a database without this project's code and keeps it open, whoever else wants it. */
  openRaw: (name, version) =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open(name, version);
      request.onsuccess = () => {
        raw = request.result;
        resolve(raw.version);
      };
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("blocked"));
    }),
  closeRaw: () => raw.close(),

  /** Lists what kind of value lies in an object store. */
  kinds: async (name, objectStore) => {
    const values = await inside(name, objectStore, "readonly", (rows) => rows.getAll());
    return values.map((value) => Object.prototype.toString.call(value));
  },

  /** Writes something else in the place of a block. */
  corrupt: async (name, seed, log, how) => {
    const id = module.id_of(seed, log);
    const above = new Uint8Array(64).fill(0xff);
    above.set(id);
    const [key] = await inside(name, "blocks", "readonly", (rows) => rows.getAllKeys(IDBKeyRange.bound(id, above)));
    const block = new Uint8Array(await inside(name, "blocks", "readonly", (rows) => rows.get(key)));
    block[block.length >> 1] ^= 1;
    const put = { flipped: block.buffer, short: block.slice(0, 100).buffer, text: "no bytes at all" }[how];
    await inside(name, "blocks", "readwrite", (rows) => rows.put(put, key));
  },

  /** Aborts the transaction of the k-th request from now on and of every later one; returns how many there were before. */
  abortFrom: (k) => {
    const seen = requests;
    requests = 0;
    failing = k;
    return seen;
  },

  /** Writes and reads so many blocks of 1 MiB, raw and through the store, each in a transaction of its own; returns milliseconds. */
  speed: async (name, count) => {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("rows");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const rows = (mode, work) =>
      new Promise((resolve, reject) => {
        const transaction = begin.call(database, "rows", mode, { durability: "strict" });
        const request = work(transaction.objectStore("rows"));
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    const timed = async (work) => {
      const start = performance.now();
      for (let number = 0; number < count; number++) await work(number);
      return performance.now() - start;
    };
    const values = Array.from({ length: count }, (_, number) => module.noise(`${number}`, 1 << 20).buffer);
    const ids = values.map((value) => module.id_of_bytes(new Uint8Array(value)));
    return {
      "raw writes": await timed((number) => rows("readwrite", (rows) => rows.put(values[number], number))),
      puts: await timed((number) => store.put_bytes(1, new Uint8Array(values[number]))),
      "raw reads": await timed((number) => rows("readonly", (rows) => rows.get(number))),
      gets: await timed((number) => store.read(ids[number])),
    };
  },

  /** Lets so many of the next transactions find no connection. */
  lose: (times) => {
    losing = times;
  },

  /** Returns the durability that each writing transaction asked for since the last call. */
  durabilities: () => asked.splice(0),
};

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

let raw;
let requests = 0;
let failing = Infinity;
let losing = 0;
const asked = [];

for (const method of ["get", "getAll", "getAllKeys", "put", "delete"]) {
  const original = IDBObjectStore.prototype[method];
  IDBObjectStore.prototype[method] = function (...values) {
    const request = original.apply(this, values);
    if (++requests >= failing) this.transaction.abort();
    return request;
  };
}

const begin = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  if (losing > 0) {
    losing--;
    throw new DOMException("Connection to Indexed Database server lost. Refresh the page to try again", "UnknownError");
  }
  const transaction = begin.call(this, stores, mode, options);
  if (mode === "readwrite") asked.push(transaction.durability);
  return transaction;
};

function inside(name, objectStore, mode, work) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const database = request.result;
      const transaction = begin.call(database, objectStore, mode);
      const asked = work(transaction.objectStore(objectStore));
      transaction.oncomplete = () => {
        database.close();
        resolve(asked.result);
      };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

onmessage = async ({ data: { id, method, values } }) => {
  try {
    await ready;
    postMessage({ id, value: await calls[method](...values) });
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
};
