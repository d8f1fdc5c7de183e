// The web app as people use it, on real nodes: what they do, what they see, and what comes of it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import { lenient } from "./front.mjs";
import { Node } from "./nodes.mjs";
import { Person } from "./person.mjs";
import { unzip } from "./unzip.mjs";
import { film } from "./video.mjs";

const MIB = 1 << 20;

/** Three nodes, and an address of the app that this browser can be driven on. */
export async function house(browser) {
  const node = (name, zone) => Node.start("--name", name, "--zone", zone, "--store-limit", "4GiB", "--reserve", "0");
  const nodes = await Promise.all([node("attic", "home"), node("cellar", "home"), node("paris", "paris")]);
  const front = browser.name === "firefox" ? await lenient(nodes[0]) : { origin: nodes[0].origin, close: async () => {} };
  const end = async () => {
    await front.close();
    await Promise.all(nodes.map((node) => node.end()));
  };
  return { nodes, origin: front.origin, end };
}

/** Runs a story with nodes that end with it. */
export function story(tell) {
  return async (world) => {
    const home = await house(world.browser);
    try {
      return await tell({ ...world, ...home });
    } finally {
      await home.end();
    }
  };
}

/** Somebody with a vault on all nodes. */
export async function owner({ someone, origin, nodes }) {
  const person = await Person.arrive(await someone(), origin);
  await person.makeVault("Family");
  await person.connect(nodes);
  return person;
}

export const tests = {
  a_vault_is_made_and_a_folder_becomes_safe: story(async (world) => {
    const person = await owner(world);
    const { page } = person;
    await page.getByRole("heading", { name: "Nothing in the vault yet" }).waitFor();
    await person.drop("letters", { "to anna.txt": "Dear Anna", old: { "1999.txt": "long ago", "2000.txt": "not so long ago" } });
    await person.trayEnds("safe");
    await person.row("letters").waitFor();
    await person.open("letters");
    await person.row("to anna.txt").getByText("safe").waitFor();
    await person.open("old");
    assert.equal(await page.getByRole("grid").getByRole("row").count(), 3, "two files below the heads");
    await person.open("1999.txt");
    await page.getByText("long ago").waitFor();
    await page.keyboard.press("Escape");
    person.assertCalm();
  }),

  a_vault_without_nodes_is_called_local_and_nothing_else: story(async ({ someone, origin }) => {
    const person = await Person.arrive(await someone(), origin);
    await person.makeVault("Alone");
    await person.connect([]);
    await person.add([{ name: "a.txt", content: "only here" }], "local, on this device only");
    await person.page.getByText("No node is connected.").waitFor();
    assert.equal(await person.page.getByText("safe", { exact: true }).count(), 0);
    await person.page.reload();
    await person.open("a.txt");
    await person.page.getByText("only here").waitFor();
    person.assertCalm();
  }),

  a_download_arrives_whole: story(async (world) => {
    const person = await owner(world);
    const content = film(8, MIB);
    await person.add([{ name: "ein Film, „schön“.webm", content }]);
    await person.select("ein Film, „schön“.webm");
    const [download] = await Promise.all([person.page.waitForEvent("download"), person.button("Download")]);
    assert.equal(download.suggestedFilename(), "ein Film, „schön“.webm");
    assert.deepEqual(await readFile(await download.path()), content);
    person.assertCalm();
  }),

  a_folder_is_downloaded_as_an_archive_with_everything_in_it: story(async (world) => {
    const person = await owner(world);
    const long = film(9, MIB).toString("latin1");
    await person.drop("photos", { 2025: { "ä\\b.txt": "a" }, "b.txt": long, empty: {} });
    await person.trayEnds("safe");
    await person.select("photos");
    const [download] = await Promise.all([person.page.waitForEvent("download"), person.button("Download")]);
    assert.equal(download.suggestedFilename(), "photos.zip");
    const expected = { "photos/": "", "photos/2025/": "", "photos/2025/ä_b.txt": "a", "photos/b.txt": long, "photos/empty/": "" };
    const files = unzip(await readFile(await download.path()));
    assert.deepEqual(Object.keys(files).sort(), Object.keys(expected).sort());
    for (const [name, text] of Object.entries(expected)) assert.ok(files[name].equals(Buffer.from(text)), name);
    person.assertCalm();
  }),

  a_vault_is_restored_from_its_words_in_another_profile: story(async (world) => {
    const person = await owner(world);
    await person.add([{ name: "will.txt", content: "everything to the cat" }]);
    const other = await Person.arrive(await world.someone(), world.origin);
    const addresses = person.addresses.slice(-1);
    await other.restore(["zebra", ...person.words.slice(1)], addresses);
    await other.page.getByText("These are not 24 recovery words.").waitFor();
    await other.restore(person.words, addresses);
    await other.open("will.txt");
    await other.page.getByText("everything to the cat").waitFor();
    await other.page.keyboard.press("Escape");
    await other.add([{ name: "answer.txt", content: "meow" }]);
    await person.row("answer.txt").waitFor();
    other.assertCalm();
    person.assertCalm();
  }),

  a_password_locks_this_browser_only: story(async (world) => {
    const person = await owner(world);
    const { page } = person;
    await person.add([{ name: "secret.txt", content: "42" }]);
    await person.go("Settings");
    await page.getByRole("textbox", { name: "Password" }).fill("correct horse");
    await person.button("Set the password");
    await person.button("Lock now");
    await page.getByRole("heading", { name: "Family is locked" }).waitFor();
    await page.reload();
    await page.getByLabel("Password").fill("wrong horse");
    await person.button("Unlock");
    await page.getByText("That is not the password").waitFor();
    await page.getByLabel("Password").fill("correct horse");
    await person.button("Unlock");
    await person.go("Files");
    await person.row("secret.txt").waitFor();
    person.assertCalm();
  }),

  two_tabs_show_one_vault_and_are_locked_and_emptied_together: story(async (world) => {
    const browser = await world.someone();
    const person = await Person.arrive(browser, world.origin);
    await person.makeVault("Family");
    await person.connect([]);
    const beside = await Person.arrive(browser, world.origin);
    await beside.add([{ name: "a.txt", content: "a" }], "local");
    await person.row("a.txt").waitFor();

    await beside.go("Settings");
    await beside.page.getByRole("textbox", { name: "Password" }).fill("correct horse");
    await beside.button("Set the password");
    await beside.button("Lock now");
    await person.page.getByRole("heading", { name: "Family is locked" }).waitFor();
    await person.page.getByLabel("Password").fill("correct horse");
    await person.button("Unlock");
    await person.row("a.txt").waitFor();

    await person.go("Settings");
    await person.button("Remove the vault from this browser");
    await person.page.getByRole("dialog").getByText("lost for good").waitFor();
    await person.button("Remove it");
    await person.page.getByRole("heading", { name: "Make a vault" }).waitFor();
    await beside.page.reload();
    await beside.page.getByRole("heading", { name: "Make a vault" }).waitFor();
    await person.makeVault("Another");
    person.assertCalm();
    beside.assertCalm();
  }),

  what_was_deleted_comes_back_within_ten_seconds: story(async (world) => {
    const person = await owner(world);
    const { page } = person;
    await person.add([
      { name: "keep.txt", content: "k" },
      { name: "drop.txt", content: "d" },
    ]);
    await person.select("drop.txt");
    await page.keyboard.press("Delete");
    await person.row("drop.txt").waitFor({ state: "detached" });
    await person.button("Undo");
    await person.row("drop.txt").waitFor();
    await person.select("drop.txt");
    await person.button("Rename");
    await page.getByLabel("New name").fill("renamed.txt");
    await page.keyboard.press("Enter");
    await person.row("renamed.txt").waitFor();
    await page.keyboard.press("Shift+N");
    await page.getByLabel("Name", { exact: true }).fill("box");
    await page.keyboard.press("Enter");
    await person.row("box").waitFor();
    await person.select("renamed.txt");
    await person.button("Move");
    await page.getByRole("dialog").getByRole("button", { name: "box" }).click();
    await person.button("Move here");
    await person.row("renamed.txt").waitFor({ state: "detached" });
    await person.open("box");
    await person.row("renamed.txt").waitFor();
    person.assertCalm();
  }),

  a_node_that_dies_is_shown_and_what_it_means: story(async (world) => {
    const person = await owner(world);
    const { page } = person;
    await person.add([{ name: "a.txt", content: "a" }]);
    await person.go("Network");
    await page.getByRole("table", { name: "Peers of the vault" }).getByText("paris", { exact: true }).waitFor();
    await world.nodes[2].stop("SIGKILL");
    await page.getByRole("table", { name: "Peers of the vault" }).getByText("does not answer").waitFor();
    await page.getByText("2 of 3 nodes answer").waitFor();
    await page
      .getByRole("log")
      .getByText(/paris does not answer/)
      .waitFor();
    await person.button("Where are the copies of a file?");
    await page.getByRole("dialog").getByRole("button", { name: "a.txt" }).click();
    await page.getByRole("heading", { name: "a.txt" }).waitFor();
    person.assertCalm();
  }),
};

export const chromium = {
  b12_a_service_worker_that_ends_is_started_again_and_puts_do_not_notice: story(async (world) => {
    const browser = await world.someone();
    const person = await Person.arrive(browser, world.origin);
    const { page } = person;
    await person.makeVault("Family");
    await person.connect([]);
    const content = film(60, MIB / 2);
    await person.add([{ name: "holiday.webm", content }], "local");
    const devtools = await browser.context.newCDPSession(page);
    await devtools.send("ServiceWorker.enable");
    const stop = () => devtools.send("ServiceWorker.stopAllWorkers");
    const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>';
    await person.add([{ name: "drawing.svg", content: drawing }], "local");
    await person.open("drawing.svg");
    const address = await page.locator("img").getAttribute("src");
    for (let round = 0; round < 3; round++) {
      await stop();
      assert.equal(await page.evaluate(async (address) => (await fetch(address)).text(), address), drawing);
    }
    await page.keyboard.press("Escape");

    await person.select("holiday.webm");
    await stop();
    const [download] = await Promise.all([page.waitForEvent("download"), person.button("Download")]);
    assert.deepEqual(await readFile(await download.path()), content);
    await person.button("Select nothing");
    const adding = person.add([{ name: "another.webm", content: film(20, MIB / 2) }], "local");
    await stop();
    await adding;
    person.assertCalm();
  }),
};
