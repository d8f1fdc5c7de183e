// The worker of a test: one store, and what can go wrong beneath it.

import init, { TestStore, id_of } from "/wasm/cachette_browser_tests.js";

let store;
const ready = init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) });

const calls = {
  open: async (name) => {
    store = await TestStore.open(name);
  },
  story: (text) => store.story(text),
  seed: (seed, steps) => store.seed(seed, steps),
  put: (vault, first, count, log) => store.put(vault, first, count, log),
  get: (seed, log) => store.get(seed, log),
  delete: (vault, seed, log) => store.delete(vault, seed, log),
  describe: (vault) => store.describe(vault),
  over: () => store.over,
  close: () => store.close(),

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
    const id = id_of(seed, log);
    const above = new Uint8Array(64).fill(0xff);
    above.set(id);
    const [key] = await inside(name, "blocks", "readonly", (rows) => rows.getAllKeys(IDBKeyRange.bound(id, above)));
    const bytes = new Uint8Array(await inside(name, "blocks", "readonly", (rows) => rows.get(key)));
    bytes[bytes.length >> 1] ^= 1;
    const put = { flipped: bytes.buffer, short: bytes.slice(0, 100).buffer, text: "no bytes at all" }[how];
    await inside(name, "blocks", "readwrite", (rows) => rows.put(put, key));
  },

  /** Aborts the transaction of the k-th request from now on and of every later one; returns how many there were before. */
  abortFrom: (k) => {
    const seen = requests;
    requests = 0;
    failing = k;
    return seen;
  },

  /** Lets so many of the next transactions find no connection. */
  lose: (times) => {
    losing = times;
  },

  /** Returns the durability that each writing transaction asked for since the last call. */
  durabilities: () => asked.splice(0),
};

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
