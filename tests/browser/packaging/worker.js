// The same in a web worker.

import { Peer } from "cachette";

const peer = await Peer.open({ name: self.name });
await peer.put(new Blob(["hello"]), { path: "/hello" });
postMessage(await new Response(peer.get("/hello")).text());
