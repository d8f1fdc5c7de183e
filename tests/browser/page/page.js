// The page of a test: starts workers and hands calls on to them. The browser peer lives in a worker, so the tests call it there.

const workers = new Map();

function start(name) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
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
  return call;
}

/** Calls a function of the worker of that name, which is started when it is new. */
globalThis.call = (name, method, ...values) => (workers.get(name) ?? start(name))(method, ...values);
