// A film on a node that is far away: what it costs to see two moments of it, and what befalls whoever watches.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { lenient } from "./front.mjs";
import { command } from "./nodes.mjs";
import { Person } from "./person.mjs";
import { firstPicture, seek } from "./player.mjs";
import { Proxy } from "./proxy.mjs";
import { film } from "./video.mjs";

const MIB = 1 << 20;
const SECONDS = 256;
const BYTES_A_SECOND = MIB / 4;
/** What a moment may cost: four blocks, and as much again as a player that pulls on has on its way before the moment is over. */
const MOMENT = 6.25 * MIB;
/**
 * Milliseconds that bytes take to either side: what is asked in vain is sent before the player can say so, and what the player has asked
 * for only since it has its picture is not sent yet.
 */
const DELAY = 1500;

/** Somebody who has nothing yet of a film that lies on a node, so far away. */
async function watcher({ browser, someone, node, own }, delay = 0) {
  const proxy = own(await Proxy.start());
  const far = await node("--public-address", proxy.address);
  proxy.to(far.listen);
  const home = await mkdtemp(join(tmpdir(), "cachette-film-"));
  own({ end: () => rm(home, { recursive: true }) });
  const path = join(home, "film.webm");
  await writeFile(path, film(SECONDS, BYTES_A_SECOND));
  const vault = join(home, "vault");
  const made = await command(vault, ["init", "--join", await far.invitation()]);
  await command(vault, ["put", path]);
  let { origin } = far;
  if (browser.name === "firefox") {
    const front = await lenient(far);
    own({ end: front.close });
    origin = front.origin;
  }
  const person = await Person.arrive(await someone(), origin);
  await person.restore(made.find(({ words }) => words).words.split(" "), [far.address]);
  await person.row("film.webm").waitFor();
  proxy.delay = delay;
  const video = person.page.locator("video");
  return { person, proxy, far, video };
}

/** Opens the film and waits for its first picture. */
async function begin({ person, video }) {
  await person.open("film.webm");
  await firstPicture(video);
}

/** Somebody who watches a film on a page that can be made deaf. */
async function deafWatcher(world) {
  const browser = await world.someone();
  await browser.context.addInitScript(deafen);
  const watched = await watcher({ ...world, someone: () => browser });
  await begin(watched);
  return { ...watched, browser, page: watched.person.page };
}

export const tests = {
  async a_moment_of_a_film_costs_a_few_blocks_and_one_link(world) {
    const watched = await watcher(world, DELAY);
    const { person, proxy, far, video } = watched;
    const sent = () => far.figure("cachette_link_sent_bytes_total");
    const [link] = proxy.links;
    const costs = [];
    const measure = async (act) => {
      const before = await sent();
      await act();
      costs.push((await sent()) - before);
    };
    await measure(() => begin(watched));
    for (const second of [SECONDS / 2, SECONDS / 2 + 20, 10]) await measure(() => video.evaluate(seek, second));
    const note = `${costs.map((bytes) => (bytes / MIB).toFixed(1)).join(", ")} MiB`;
    assert.ok(costs.every((bytes) => bytes <= MOMENT), `the node sent ${note}`);
    assert.ok(proxy.links.has(link) && proxy.links.size === 1, "the link was lost on the way");
    person.assertCalm();
    return note;
  },

  async a_film_goes_on_after_an_answer_that_never_came(world) {
    const { person, page, video } = await deafWatcher(world);
    await page.evaluate(() => (globalThis.isDeaf = true));
    const refused = page.waitForResponse((response) => response.status() === 410);
    const sought = video.evaluate(seek, 200);
    await refused;
    await page.evaluate(() => (globalThis.isDeaf = false));
    assert.equal(await sought, 200);
    assert.equal(await video.evaluate((video) => video.paused), true);
    person.assertCalm();
  },
};

export const chromium = {
  async b12_a_film_goes_on_when_its_service_worker_is_ended_in_the_middle_of_a_request(world) {
    const { browser, person, page, video } = await deafWatcher(world);
    const devtools = await browser.context.newCDPSession(page);
    await devtools.send("ServiceWorker.enable");
    for (const second of [200, 100, 150]) {
      await page.evaluate(() => (globalThis.isDeaf = true));
      const asked = page.waitForRequest((request) => request.url().includes("/stream/"));
      const sought = video.evaluate(seek, second);
      await asked;
      await devtools.send("ServiceWorker.stopAllWorkers");
      await page.evaluate(() => (globalThis.isDeaf = false));
      assert.equal(await sought, second);
    }
    assert.equal(await video.evaluate((video) => video.paused), true);
    person.assertCalm();
  },
};

/** Runs on the page before anything else: while it is deaf, the worker waits for an answer. */
function deafen() {
  // A page without an address of its own has none.
  navigator.serviceWorker?.addEventListener("message", (event) => globalThis.isDeaf && event.stopImmediatePropagation());
}
