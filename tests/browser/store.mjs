// The store of the browser peer on real IndexedDB.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";

const STORIES = new URL("../scripts/store/", import.meta.url);
const SMALL = 12;
const LARGE = 20;
const MIB = 1 << 20;

export const tests = {
  async every_story_is_answered_as_memory_and_disk_answer_it({ page, name }) {
    const files = readdirSync(STORIES).filter((file) => file.endsWith(".json"));
    assert.ok(files.length >= 5, "the stories were not found");
    for (const file of files) {
      await page.call(file, "open", `${name}-${file}`);
      assert.ok((await page.call(file, "story", readFileSync(new URL(file, STORIES), "utf8"))) > 5);
    }
  },

  async scripts_from_seeds_are_answered_as_memory_and_disk_answer_them({ page, name }) {
    for (let seed = 0; seed < 4; seed++) {
      await page.call(`seed ${seed}`, "open", `${name}-${seed}`);
      assert.equal(await page.call(`seed ${seed}`, "seed", seed, 100), 100);
    }
  },

  async a_commit_that_is_cut_off_at_any_request_leaves_nothing({ page, name }) {
    await page.call("a", "open", name);
    assert.equal(await page.call("a", "put", 1, 100, 3, SMALL), "committed");
    const before = await page.call("a", "describe", 1);
    let cut = 0;
    for (let k = 1; ; k++) {
      await page.call("a", "abortFrom", k);
      const answer = await page.call("a", "put", 1, 200, 2, SMALL);
      await page.call("a", "abortFrom", Infinity);
      if (answer === "committed") break;
      assert.equal(answer, "failed");
      assert.equal(await page.call("a", "describe", 1), before, `cut off at request ${k}`);
      cut = k;
    }
    assert.ok(cut >= 12, `a commit of two blocks and a record has more than ${cut} requests`);
    assert.match(await page.call("a", "describe", 1), /^5 blocks, 20480 bytes, 2 records/);
  },

  async a_removal_that_is_cut_off_at_any_request_changes_nothing({ page, name }) {
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 100, 3, SMALL);
    const before = await page.call("a", "describe", 1);
    let cut = 0;
    for (let k = 1; ; k++) {
      await page.call("a", "abortFrom", k);
      const answer = await page.call("a", "delete", 1, 101, SMALL);
      await page.call("a", "abortFrom", Infinity);
      if (answer === "deleted") break;
      assert.equal(await page.call("a", "describe", 1), before, `cut off at request ${k}`);
      cut = k;
    }
    assert.ok(cut >= 5, `${cut}`);
    assert.match(await page.call("a", "describe", 1), /^2 blocks/);
  },

  async d06_a_reached_quota_keeps_nothing_of_the_commit_and_the_store_goes_on({ start, origin, name }) {
    const quota = 24 * MIB;
    const browser = await start({ quota });
    const page = await browser.page(origin);
    await browser.cap(page, origin, quota);
    await page.call("a", "open", name);
    let answer = "committed";
    let put = 0;
    for (; answer === "committed" && put < 64; put++) answer = await page.call("a", "put", 1, 4 * put, 4, LARGE);
    assert.equal(answer, "full");
    const held = 4 * (put - 1);
    assert.ok(held > 0, "something fits");
    assert.match(await page.call("a", "describe", 1), new RegExp(`^${held} blocks, ${held * MIB} bytes, ${put - 1} records`));
    assert.equal(await page.call("a", "get", 4 * (put - 1), LARGE), "missing");
    for (let seed = 0; seed < held; seed++) assert.equal(await page.call("a", "delete", 1, seed, LARGE), "deleted");
    assert.match(await page.call("a", "describe", 1), /^0 blocks/);
    assert.equal(await page.call("a", "put", 2, 500, 2, SMALL), "committed", "there is room again");
  },

  async b01_what_was_answered_survives_a_killed_browser({ start, origin, name }) {
    const browser = await start();
    const page = await browser.page(origin);
    await page.call("a", "open", name);
    assert.equal(await page.call("a", "put", 1, 0, 8, SMALL), "committed");
    assert.equal(await page.call("a", "put", 1, 8, 2, LARGE), "committed");
    const before = await page.call("a", "describe", 1);
    await browser.kill();
    await browser.resume();
    const later = await browser.page(origin);
    await later.call("a", "open", name);
    assert.equal(await later.call("a", "describe", 1), before);
  },

  async b01_whatever_is_answered_asks_for_strict_durability({ page, name }) {
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 0, 2, SMALL);
    await page.call("a", "delete", 1, 0, SMALL);
    assert.deepEqual(await page.call("a", "durabilities"), ["strict", "strict"]);
  },

  async b07_an_older_tab_makes_way_for_a_newer_release_and_says_that_it_is_over({ browser, page, origin, name }) {
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 0, 2, SMALL);
    const newer = await browser.page(origin);
    assert.equal(await newer.call("b", "openRaw", name, 1000), 1000, "nobody is in the way");
    assert.equal(await page.call("a", "over"), true);
    assert.equal(await page.call("a", "get", 0, SMALL), "failed");
    assert.equal(await page.call("a", "put", 1, 9, 1, SMALL), "failed");
    await assert.rejects(page.call("again", "open", name), /a later release wrote/);
    await newer.close();
  },

  async b07_a_tab_that_does_not_make_way_is_named_as_the_reason({ browser, page, origin, name }) {
    const older = await browser.page(origin);
    await older.call("old", "openRaw", name, 1);
    await assert.rejects(page.call("a", "open", name), /another tab of this site runs an older release/);
    await older.call("old", "closeRaw");
    await page.call("a", "open", name);
    assert.equal(await page.call("a", "put", 1, 0, 2, SMALL), "committed");
    await older.close();
  },

  async b08_a_lost_connection_is_opened_anew_and_the_operation_done({ page, name }) {
    await page.call("a", "open", name);
    await page.call("a", "lose", 1);
    assert.equal(await page.call("a", "put", 1, 0, 2, SMALL), "committed");
    await page.call("a", "lose", 1);
    assert.equal(await page.call("a", "get", 1, SMALL), "found");
    await page.call("a", "lose", 2);
    assert.equal(await page.call("a", "get", 1, SMALL), "failed", "a browser that loses every connection is not asked for ever");
    assert.equal(await page.call("a", "get", 1, SMALL), "found");
  },

  async b09_blocks_and_records_are_array_buffers({ page, name }) {
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 0, 2, LARGE);
    for (const objectStore of ["blocks", "records"]) {
      const kinds = await page.call("a", "kinds", name, objectStore);
      assert.ok(kinds.length > 0 && kinds.every((kind) => kind === "[object ArrayBuffer]"), `${objectStore}: ${kinds}`);
    }
  },

  async b16_a_reload_in_the_middle_of_a_commit_leaves_all_of_it_or_nothing({ page, name }) {
    const seen = new Set();
    for (let round = 0; round < 6; round++) {
      const store = `${name}-${round}`;
      await page.call("a", "open", store);
      // Nobody waits for it: the page goes while it runs.
      await page.page.evaluate(([first]) => void globalThis.call("a", "put", 1, first, 200, 12), [0]);
      for (let wait = 0; wait < round; wait++) await page.call("b", "durabilities");
      await page.reload();
      await page.call("a", "open", store);
      const after = await page.call("a", "describe", 1);
      assert.match(after, /^(0 blocks, 0 bytes, 0 records|200 blocks, 819200 bytes, 1 records)/);
      seen.add(after);
    }
    return `${seen.size} outcomes`;
  },

  async r03_a_block_whose_bytes_changed_reads_as_damaged_once_and_can_be_mended({ page, name }) {
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 0, 4, SMALL);
    for (const [seed, how] of ["flipped", "short", "text"].entries()) {
      await page.call("a", "corrupt", name, seed, SMALL, how);
      assert.equal(await page.call("a", "get", seed, SMALL), "damaged", how);
      assert.equal(await page.call("a", "get", seed, SMALL), "missing", "it is said once");
    }
    assert.match(await page.call("a", "describe", 1), /^1 blocks, 4096 bytes/);
    assert.equal(await page.call("a", "put", 1, 0, 4, SMALL), "committed");
    assert.match(await page.call("a", "describe", 1), /^4 blocks, 16384 bytes/);
  },
};

/** What only Chromium does on demand. */
export const chromium = {
  async b02_data_that_is_cleared_under_a_running_store_leaves_it_empty_and_usable({ start, origin, name }) {
    const own = await start();
    const page = await own.page(origin);
    await page.call("a", "open", name);
    await page.call("a", "put", 1, 0, 4, SMALL);
    const devtools = await own.context.newCDPSession(page.page);
    await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
    assert.match(await page.call("a", "describe", 1), /^0 blocks/);
    assert.equal(await page.call("a", "put", 1, 0, 4, SMALL), "committed");
    assert.match(await page.call("a", "describe", 1), /^4 blocks/);
  },
};
