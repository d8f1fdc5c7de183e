// Links: what somebody sees who has one and nothing else, and that it is all that they get.

import assert from "node:assert/strict";

import { owner, story } from "./app.mjs";
import { inspect } from "./pages.mjs";
import { Person } from "./person.mjs";
import { film } from "./video.mjs";

const MIB = 1 << 20;

export const tests = {
  a_link_opens_in_another_profile_and_its_film_plays_and_seeks_without_being_downloaded: story(async (world) => {
    const person = await owner(world);
    const content = film(60, MIB);
    await person.add([{ name: "holiday.webm", content }]);
    const url = await person.link("holiday.webm");
    const sent = async () =>
      (await Promise.all(world.nodes.map((node) => node.figure("cachette_link_sent_bytes_total")))).reduce((a, b) => a + b);
    // Safe on two nodes: the third may still be given its copy by the others.
    await person.row("holiday.webm").getByText("3 of 3").waitFor();
    const before = await sent();

    const stranger = await Person.arrive(await world.someone(), url);
    const { page } = stranger;
    await page.getByRole("heading", { name: "holiday.webm" }).waitFor();
    const video = page.locator("video");
    await video.waitFor();
    const seen = await video.evaluate(async (video) => {
      video.muted = true;
      const once = (name, holds) =>
        new Promise((resolve, reject) => {
          if (holds()) return resolve();
          video.addEventListener(name, resolve, { once: true });
          video.addEventListener("error", () => reject(new Error(video.error?.message ?? "it does not play")), { once: true });
        });
      await once("loadeddata", () => video.readyState >= 2);
      const { duration } = video;
      await video.play();
      video.currentTime = 45;
      await once("seeked", () => !video.seeking && video.currentTime >= 45);
      await video.pause();
      return { duration, at: video.currentTime, width: video.videoWidth };
    });
    assert.ok(seen.duration === 60 && seen.at >= 45 && seen.width === 160, JSON.stringify(seen));
    const moved = (await sent()) - before;
    assert.ok(moved < content.length / 2, `${moved} of ${content.length} bytes were fetched to see two moments`);
    stranger.assertCalm();
    return `${(moved / MIB).toFixed(1)} of ${(content.length / MIB).toFixed(1)} MiB moved`;
  }),

  w06_a_link_leaves_the_address_and_never_travels: story(async (world) => {

    const person = await owner(world);
    await person.add([{ name: "a.txt", content: "for you" }]);
    const url = await person.link("a.txt");
    const secret = new URL(url).hash.slice("#link/".length);
    assert.ok(secret.length > 40);

    const stranger = await Person.arrive(await world.someone(), url);
    const { page } = stranger;
    await page.getByText("for you").waitFor();
    const seen = await page.evaluate(() =>
      [location.href, document.referrer, document.title, document.documentElement.outerHTML].join("\n"),
    );
    assert.ok(!seen.includes(secret) && !page.url().includes(secret), "the secret is still there to be seen");
    for (const request of stranger.requests.slice(1)) assert.ok(!request.includes(secret), request);
    await page.reload();
    await page.getByText("for you").waitFor();
    assert.ok(!page.url().includes(secret));
    stranger.assertCalm();
  }),

  a_folder_is_shared_and_withdrawn: story(async (world) => {
    const person = await owner(world);
    await person.drop("photos", { 2025: { "a.txt": "last year" }, "b.txt": "this year" });
    await person.trayEnds("safe");
    const url = await person.link("photos");
    const stranger = await Person.arrive(await world.someone(), url);
    await stranger.page.getByRole("heading", { name: "A shared folder" }).waitFor();
    await stranger.open("2025");
    await stranger.open("a.txt");
    await stranger.page.getByText("last year").waitFor();

    await person.go("Links");
    await person.button("Withdraw the link to photos");
    await person.page.getByRole("dialog").getByRole("button", { name: "Withdraw" }).click();
    await person.page.getByRole("heading", { name: "Nothing is shared" }).waitFor();
    await stranger.page.reload();
    await stranger.page.getByRole("heading", { name: "The link leads nowhere any more" }).waitFor();
    stranger.assertCalm();
    person.assertCalm();
  }),
};

export const chromium = {
  async pages_about_links_can_be_read_and_used_by_all_and_look_as_they_were_accepted(world) {
    return inspect(world, async ({ nodes, origin, arrive }) => {
      const { person, page, look } = await arrive(origin);
      await person.makeVault("Family");
      await person.connect(nodes);
      await person.go("Links");
      await page.getByRole("heading", { name: "Nothing is shared" }).waitFor();
      await look("links-none");
      await person.go("Files");
      await person.drop("photos", { 2025: { "a.txt": "a" }, "b.txt": "b" });
      await person.trayEnds("safe");
      await person.add([{ name: "notes.txt", content: "A quiet, well-made drawer.\n".repeat(40) }]);
      const urls = [await person.link("photos")];
      await person.button("Select nothing");
      await person.select("notes.txt");
      await person.button("Copy link");
      const link = page.getByLabel("Link", { exact: true });
      await link.waitFor();
      urls.push(await link.inputValue());
      await look("share");
      await page.keyboard.press("Escape");
      await person.go("Links");
      await page.getByText("notes.txt").waitFor();
      await look("links");

      for (const [name, url, shown] of [
        ["link-folder", urls[0], "b.txt"],
        ["link-file", urls[1], "A quiet"],
      ]) {
        const stranger = await arrive(url);
        await stranger.page.getByText(shown).first().waitFor();
        await stranger.look(name);
      }
    });
  },
};
