// The package in Node.js: puts to a node, reads back from its words in a second peer.

import { CachetteError, Peer } from "cachette";

const [invitation] = process.argv.slice(2);
const open = [];
try {
  const peer = await Peer.open({ invitation });
  open.push(peer);
  const { safety } = await peer.put(new Blob(["hello"]), { path: "/hello" });
  const nodes = await peer.recovery.nodes();
  const again = await Peer.restore({ words: peer.recovery.words, nodes });
  open.push(again);
  const text = await new Response(again.get("/hello")).text();
  console.log(JSON.stringify({ text, safety, same: peer.vault === again.vault }));
} catch (error) {
  console.log(JSON.stringify({ ours: error instanceof CachetteError, code: error.code, message: error.message, stack: error.stack }));
} finally {
  for (const peer of open) await peer.close();
}
