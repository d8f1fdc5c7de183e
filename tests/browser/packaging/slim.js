// The slim entry: the page fetches the module itself.

import { Peer } from "cachette/slim";

const wasm = fetch(new URL("cachette/wasm", import.meta.url));
const name = new URLSearchParams(location.search).get("name");
const refused = await Peer.open({ name }).catch((error) => error.code);
const peer = await Peer.open({ name, wasm: await wasm });
await peer.put(new Blob(["hello"]), { path: "/hello" });
globalThis.said = `${await new Response(peer.get("/hello")).text()} ${refused}`;
