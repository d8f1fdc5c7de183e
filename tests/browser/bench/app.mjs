// What somebody who uses the app meets: a film that starts and jumps, and a second visit.

import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { lenient } from "../front.mjs";
import { command, Node } from "../nodes.mjs";
import { Person } from "../person.mjs";
import { firstPicture, seek } from "../player.mjs";
import { Proxy } from "../proxy.mjs";
import { reel } from "../video.mjs";
import { MIB, middle, say } from "./report.mjs";

/** A film of 1 GiB, as long as films are. */
const SECONDS = 4096;
const BYTES_A_SECOND = MIB / 4;
const WATCHED = 20;
const VISITS = 5;
/** Milliseconds there and back between tab and node while round trips are counted: much more than anything else takes. */
const ROUND_TRIP = 1000;

/** A vault with a film on a node that is far away, and somebody who has nothing of it yet. */
export async function app({ browser }) {
  const folder = await mkdtemp(join(tmpdir(), "cachette-film-"));
  const proxy = await Proxy.start();
  const node = await Node.start("--store-limit", "20GiB", "--invite", "20GiB", "--public-address", proxy.address);
  proxy.to(node.listen);
  const front = browser.name === "firefox" ? await lenient(node) : { origin: node.origin, close: () => {} };
  try {
    const path = join(folder, "film.webm");
    await pipeline(Readable.from(reel(SECONDS, BYTES_A_SECOND)), createWriteStream(path));
    const home = join(folder, "home");
    const made = await command(home, ["init", "--join", await node.invitation()]);
    await command(home, ["put", path]);
    const person = await Person.arrive(browser, front.origin);
    await person.restore(made.find(({ words }) => words).words.split(" "), [node.address]);
    await person.row("film.webm").waitFor();
    await watch(browser, person, node, proxy);
    await visitAgain(browser, person, front.origin);
    await person.page.close();
  } finally {
    await front.close();
    await proxy.end();
    await node.end();
    await rm(folder, { recursive: true });
  }
}

async function watch(browser, person, node, proxy) {
  const sent = () => node.figure("cachette_link_sent_bytes_total");
  const video = person.page.locator("video");
  const measure = async (what, act) => {
    const [before, begin] = [await sent(), performance.now()];
    await act();
    const took = performance.now() - begin;
    const blocks = ((await sent()) - before) / MIB;
    const trips = took / ROUND_TRIP;
    say(browser.name, what, `${blocks.toFixed(1)} MiB, ${Math.floor(trips)} round trips (${trips.toFixed(2)})`, "4 blocks, 2 round trips after its list");
  };
  proxy.delay = ROUND_TRIP / 2;
  await measure("first frame of a 1 GiB film", async () => {
    await person.open("film.webm");
    await firstPicture(video);
  });
  await measure("seek to its middle", () => video.evaluate(seek, SECONDS / 2));
  // The list of that part of the film is known now.
  await measure("seek close to its middle", () => video.evaluate(seek, SECONDS / 2 + 20));
  proxy.delay = 0;
  const before = await sent();
  await video.evaluate(async (video, seconds) => {
    await video.play();
    const from = video.currentTime;
    await new Promise((resolve) => video.addEventListener("timeupdate", () => video.currentTime >= from + seconds && resolve()));
    video.pause();
  }, WATCHED);
  const shown = (WATCHED * BYTES_A_SECOND) / MIB;
  say(browser.name, `fetched for ${shown} MiB of film that were shown`, `${(((await sent()) - before) / MIB).toFixed(1)} MiB`);
  await person.page.keyboard.press("Escape");
}

async function visitAgain(browser, person, origin) {
  const took = [];
  for (let visit = 0; visit < VISITS; visit++) {
    await person.page.goto("about:blank");
    const begin = performance.now();
    await person.page.goto(origin, { waitUntil: "commit" });
    await person.row("film.webm").waitFor();
    took.push(performance.now() - begin);
  }
  say(browser.name, "app ready, warm visit", `${Math.round(middle(took))} ms (${took.map(Math.round).join(", ")})`, "1 s");
}
