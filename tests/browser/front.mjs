// A way to a node's pages for a browser that cannot be driven under their policy.

import { createServer, request } from "node:http";

/**
 * Stands before a node for a browser that playwright-core can drive with `eval` only: the same answers, with a policy that allows it.
 * Returns its origin. On another address than loopback it is what a page over plain HTTP is.
 */
export async function lenient(node, host = "127.0.0.1") {
  const server = createServer((incoming, outgoing) => {
    const { url, method, headers } = incoming;
    const [address, port] = node.listen.split(":");
    const onward = request({ host: address, port, path: url, method, headers }, (answer) => {
      const policy = answer.headers["content-security-policy"]?.replace("'wasm-unsafe-eval'", "'wasm-unsafe-eval' 'unsafe-eval'");
      outgoing.writeHead(answer.statusCode, { ...answer.headers, ...(policy && { "content-security-policy": policy }) });
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, host, resolve));
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { origin: `http://${host}:${server.address().port}`, close };
}
