// The page of a test: starts workers and hands calls on to them. The browser peer lives in a worker, so the tests call it there.

const workers = new Map();
const ends = new Map();

function start(name) {
  // A worker is a whole peer when its name says so.
  const script = name.startsWith("peer") ? "peer.js" : "worker.js";
  const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
  const open = new Map();
  let next = 0;
  worker.onmessage = ({ data: { id, value, error } }) => {
    const { resolve, reject } = open.get(id);
    open.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  };
  worker.onerror = (event) => {
    for (const { reject } of open.values()) reject(new Error(`the worker failed: ${event.message}`));
  };
  const call = (method, ...values) =>
    new Promise((resolve, reject) => {
      const id = next++;
      open.set(id, { resolve, reject });
      worker.postMessage({ id, method, values });
    });
  workers.set(name, call);
  ends.set(name, () => worker.terminate());
  return call;
}

/** Ends a worker in the middle of whatever it does. */
globalThis.end = (name) => {
  ends.get(name)();
  workers.delete(name);
};

/** Calls a function of the worker of that name, which is started when it is new. */
globalThis.call = (name, method, ...values) => (workers.get(name) ?? start(name))(method, ...values);
