// A page that uses the installed package, the same with and without a bundler: puts a file, reads it back, says how it went.

import { Peer } from "cachette";

const peer = await Peer.open({ name: new URLSearchParams(location.search).get("name") });
await peer.put(new TextEncoder().encode("hello"), { path: "/hello" });
globalThis.said = await new Response(peer.get("/hello")).text();
await peer.close();
