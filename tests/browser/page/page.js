// The page of a test: starts workers and hands calls on to them. The browser peer lives in a worker, so the tests call it there. Its sealing
// workers are started here too, as the npm package does it: now and then a worker in Firefox that starts a worker never comes back from it.

const workers = new Map();
const ends = new Map();

function start(name) {
  // A worker is a whole peer when its name says so.
  const script = name.startsWith("peer") ? "peer.js" : "worker.js";
  const worker = new Worker(new URL(script, import.meta.url), { type: "module" });
  const sealers = [];
  const killSealers = () => sealers.splice(0).forEach((sealer) => sealer.terminate());
  const open = new Map();
  let next = 0;
  worker.onmessage = ({ data: { id, value, error, order, port } }) => {
    if (order === "seal") return void sealers.push(seal(port));
    if (order === "kill sealers") return killSealers();
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
  ends.set(name, () => {
    worker.terminate();
    killSealers();
  });
  return call;
}

/** Starts a sealing worker that gets its jobs over a port. */
function seal(port) {
  const sealer = new Worker(new URL("sealer.js", import.meta.url), { type: "module" });
  sealer.postMessage(port, [port]);
  return sealer;
}

/** Ends a worker in the middle of whatever it does. */
globalThis.end = (name) => {
  ends.get(name)();
  workers.delete(name);
};

/** Calls a function of the worker of that name, which is started when it is new. */
globalThis.call = (name, method, ...values) => (workers.get(name) ?? start(name))(method, ...values);
