// A sealing worker of a test: does the jobs of the worker that started it.

import init, { serveSealing } from "/wasm/cachette_browser_tests.js";

const port = { send: (job, transfer) => postMessage(job, transfer) };
const early = [];
onmessage = ({ data }) => (port.onmessage ? port.onmessage(data) : early.push(data));
await init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) });
serveSealing(port);
early.forEach(port.onmessage);
