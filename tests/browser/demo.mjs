// The second half of `cargo xtask demo`: the same promises in browsers, each with a profile of its own.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { Browser } from "./browsers.mjs";
import { Node } from "./nodes.mjs";
import { Person } from "./person.mjs";
import { film } from "./video.mjs";

const MIB = 1 << 20;
const NAMES = ["attic", "cellar", "paris"];
const VICTIM = 2;

const begun = [];

try {
  await demo();
} finally {
  await Promise.all(begun.map((one) => one.end()));
}

async function demo() {
  step("Three fresh nodes start; each of them serves the web app");
  const nodes = await Promise.all(NAMES.map((name) => start(Node.start("--name", name, "--zone", name, "--reserve", "0"))));
  for (const node of nodes) say(node.origin);

  step("Tab A makes a vault, connects the nodes and puts a folder");
  const owner = await arrive(nodes[0].origin);
  await owner.makeVault("Family");
  await owner.connect(nodes);
  const letters = { "to anna.txt": "Dear Anna, the roses are out.", old: { "1999.txt": "long ago", "2000.txt": "not so long ago" } };
  let since = Date.now();
  await owner.drop("letters", letters);
  await owner.trayEnds("safe");
  await owner.button("Close the tray");
  say(`3 files are safe on 3 nodes after ${seconds(since)}`);

  step("Tab B, in another browser profile, starts from nothing but the words and the address of one node");
  const other = await arrive(nodes[1].origin);
  since = Date.now();
  await other.restore(owner.words, [nodes[1].address]);
  await other.open("letters");
  await other.open("to anna.txt");
  await other.page.getByText(letters["to anna.txt"]).waitFor();
  say(`it reads “${letters["to anna.txt"]}” after ${seconds(since)}`);
  await other.page.keyboard.press("Escape");

  step("Every node loses its copies of one file, which only tab A has left");
  const before = nodes.map(blocks);
  const photo = randomBytes(5 * MIB);
  await owner.add([{ name: "photo.raw", content: photo }]);
  await owner.button("Close the tray");
  for (const [place, node] of nodes.entries()) {
    const lost = blocks(node).filter((path) => !before[place].includes(path));
    lost.forEach((path) => rmSync(path));
    say(`${NAMES[place]} loses ${lost.length} blocks`);
  }
  since = Date.now();
  await other.go("Files");
  await other.row("photo.raw").waitFor();
  await other.select("photo.raw");
  const [download] = await Promise.all([other.page.waitForEvent("download"), other.button("Download")]);
  assert.ok((await readFile(await download.path())).equals(photo), "what came is what was put");
  await other.page.keyboard.press("Escape");
  const relayed = await sum(nodes, "cachette_relay_passed_bytes_total");
  assert.ok(relayed > photo.length, `${relayed} bytes came through the relay`);
  say(`tab B has it after ${seconds(since)}: equal; ${(relayed / MIB).toFixed(1)} MiB came from tab A through a node that cannot read them`);

  step("A film from the vault plays while a node dies");
  const content = film(60, MIB);
  await owner.add([{ name: "holiday.webm", content }]);
  await owner.button("Close the tray");
  await other.row("holiday.webm").waitFor();
  await other.open("holiday.webm");
  const video = other.page.locator("video");
  await plays(video, 2);
  await nodes[VICTIM].stop("SIGKILL");
  say(`SIGKILL hits ${NAMES[VICTIM]} at second ${(await now(video)).toFixed(1)} of the film`);
  await plays(video, 4);
  await seek(video, 45);
  await plays(video, 2);
  say(`it plays on, jumps to second 45 and plays there`);
  await other.page.keyboard.press("Escape");

  step("Somebody without an account opens a link in a third profile");
  const url = await owner.link("holiday.webm");
  const sent = await sum(nodes.slice(0, VICTIM), "cachette_link_sent_bytes_total");
  since = Date.now();
  const stranger = await arrive(url);
  const shown = stranger.page.locator("video");
  await plays(shown, 1);
  const moved = (await sum(nodes.slice(0, VICTIM), "cachette_link_sent_bytes_total")) - sent;
  say(`the film plays after ${seconds(since)}; ${(moved / MIB).toFixed(1)} of its ${(content.length / MIB).toFixed(1)} MiB were sent`);
  for (const person of [owner, other, stranger]) person.assertCalm();
  console.log("\nEverything is as it was, in browsers too.");
}

async function arrive(address) {
  return Person.arrive(await start(Browser.start("chromium")), address);
}

/** Sees to it that something ends with the demo. */
async function start(starting) {
  const started = await starting;
  begun.unshift(started);
  return started;
}

/** Returns the files of all blocks that a node holds. */
function blocks(node) {
  const owners = join(node.home, "node", "owners");
  return readdirSync(owners, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9a-f]{64}$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function sum(nodes, figure) {
  return (await Promise.all(nodes.map((node) => node.figure(figure)))).reduce((sum, one) => sum + one, 0);
}

/** Waits until a film has gone on by so many seconds. */
async function plays(video, length) {
  await video.waitFor();
  await video.evaluate(async (video, length) => {
    video.muted = true;
    await video.play();
    const from = video.currentTime;
    await new Promise((resolve, reject) => {
      video.addEventListener("timeupdate", () => video.currentTime >= from + length && resolve());
      video.addEventListener("error", () => reject(new Error(video.error?.message ?? "the film does not play")));
    });
  }, length);
}

function now(video) {
  return video.evaluate((video) => video.currentTime);
}

async function seek(video, to) {
  await video.evaluate(async (video, to) => {
    const arrived = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = to;
    await arrived;
  }, to);
}

function step(title) {
  console.log(`\n${title}`);
}

function say(text) {
  console.log(`  ${text}`);
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(2)} s`;
}
