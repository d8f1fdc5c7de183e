// A sealing worker of a test: does the jobs that the worker which started it has for it.

import init, { serveSealing } from "/wasm/cachette_browser_tests.js";

const early = [];
onmessage = (event) => early.push(event);
init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) }).then(() => {
  serveSealing(self);
  early.forEach((event) => onmessage(event));
});
