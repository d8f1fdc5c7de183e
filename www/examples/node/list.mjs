// node list.mjs 'wss://node.example/#…' < words.txt, both from the recovery sheet
import { text } from "node:stream/consumers";
import { Peer } from "cachette";

const words = await text(process.stdin);
const peer = await Peer.restore({ words, nodes: process.argv.slice(2) });
for await (const { name, kind, size } of peer.list("/")) console.log(kind, name, size);
await peer.close();
