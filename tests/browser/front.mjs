// A way to a node's pages for a browser that cannot be driven under their policy.

import { createServer, request } from "node:http";

/**
 * Stands before a node for a browser that playwright-core can drive with `eval` only: the same answers, with a policy that allows it.
 * Returns its origin.
 */
export async function lenient(node) {
  const server = createServer((incoming, outgoing) => {
    const { url, method, headers } = incoming;
    const [host, port] = node.listen.split(":");
    const onward = request({ host, port, path: url, method, headers: { ...headers, host: node.listen } }, (answer) => {
      const policy = answer.headers["content-security-policy"]?.replace("'wasm-unsafe-eval'", "'wasm-unsafe-eval' 'unsafe-eval'");
      outgoing.writeHead(answer.statusCode, { ...answer.headers, ...(policy && { "content-security-policy": policy }) });
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, close };
}
