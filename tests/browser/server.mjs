// A server of a few folders on loopback, as strict with the page as a node is.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
/** A worker has the policy of its own script. */
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*";
/** Firefox lets playwright-core speak to a page by `eval` only; nothing of ours runs on that page. */
const PAGE_POLICY = `${POLICY} 'unsafe-eval'`;

/** Serves folders under the prefixes that name them and returns the origin. */
export async function serve(folders) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const prefix = Object.keys(folders).find((prefix) => path.startsWith(prefix));
    const file = prefix && join(folders[prefix], path.slice(prefix.length) || "index.html");
    const type = file && TYPES[extname(file)];
    const there = type && (await stat(file).catch(() => undefined));
    if (!there?.isFile()) {
      response.writeHead(404, HEADERS).end();
      return;
    }
    const policy = extname(file) === ".html" ? PAGE_POLICY : POLICY;
    response.writeHead(200, { ...HEADERS, "content-security-policy": policy, "content-type": type, "content-length": there.size });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}
