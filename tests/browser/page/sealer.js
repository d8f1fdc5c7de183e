// A sealing worker of a test: does the jobs that come over the port that it is given.

import init, { serveSealing } from "/wasm/cachette_browser_tests.js";
import { portOf } from "./port.js";

onmessage = async ({ data: port }) => {
  await init({ module_or_path: new URL("/wasm/cachette_browser_tests_bg.wasm", location.href) });
  serveSealing(portOf(port));
};
