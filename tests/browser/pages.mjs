// Every page of the app in light and dark, on a desk and on a phone: read by axe as a screen reader would, and photographed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { house } from "./app.mjs";
import { Person } from "./person.mjs";
import { Pictures } from "./pictures.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = {
  "light-desk": { scheme: "light", width: 1280, height: 800 },
  "dark-desk": { scheme: "dark", width: 1280, height: 800 },
  "light-phone": { scheme: "light", width: 390, height: 780 },
  "dark-phone": { scheme: "dark", width: 390, height: 780 },
};
/** The narrowest page that must work, which is also a desk's at 200 % and beyond. */
const NARROW = { width: 320, height: 568 };

/** Seconds: there are many pages, and each is looked at from five sides. */
export const patience = 300;

/** Looks at a page from all sides. */
class Inspector {
  constructor(person, pictures) {
    this.page = person.page;
    this.pictures = pictures;
    this.faults = [];
  }

  async look(name) {
    const { page } = this;
    // What changes from run to run: words, ids, addresses and times, and what has more or fewer lines from run to run.
    const covered = [".words", ".mono", "code", ".modified"].map((selector) => page.locator(selector));
    const gone = [".peers", ".log"].map((selector) => page.locator(selector));
    for (const [view, { scheme, width, height }] of Object.entries(VIEWS)) {
      // Colours that change slowly would be judged on their way.
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height });
      await this.#settle();
      await this.#axe(`${name}, ${view}`);
      if (view !== "dark-phone") await this.pictures.take(`${name}-${view}`, page, { covered, gone });
    }
    await page.setViewportSize(NARROW);
    await this.#settle();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (overflow > 0) this.faults.push(`${name}: at ${NARROW.width} pixels the page is ${overflow} wider than the screen`);
    const { width, height } = VIEWS["light-desk"];
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: "light" });
    await this.#settle();
  }

  /** Waits for a frame in which everything has been drawn. */
  async #settle() {
    await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  }

  async #axe(where) {
    const { page } = this;
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, impact, help, nodes } of violations) {
      if (impact === "serious" || impact === "critical")
        this.faults.push(`${where}: ${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
    }
  }
}

/** Looks at pages in a browser of its own, on three nodes, and judges at the end of the tour. `arrive` brings somebody, and a way to look. */
export async function inspect(world, tour) {
  const { nodes, origin, end } = await house(world.browser);
  try {
    const browser = await world.start();
    const pictures = await Pictures.start(browser.context);
    const inspectors = [];
    const arrive = async (address) => {
      const person = await Person.arrive(browser, address);
      const inspector = new Inspector(person, pictures);
      inspectors.push(inspector);
      return { person, page: person.page, look: (name) => inspector.look(name) };
    };
    await tour({ nodes, origin, arrive });
    assert.deepEqual(
      inspectors.flatMap(({ faults }) => faults),
      [],
    );
    assert.equal(pictures.verdict(), undefined);
    return pictures.comparable ? "" : "other fonts than those of the accepted pictures: nothing was compared";
  } finally {
    await end();
  }
}

export const chromium = {
  async every_page_can_be_read_and_used_by_all_and_looks_as_it_was_accepted(world) {
    return inspect(world, async ({ nodes, origin, arrive }) => {
      const { person, page, look } = await arrive(origin);
      await look("welcome");
      await person.button("Restore a vault from its words");
      await look("restore");
      await person.button("Back");
      await person.makeVault("Family");
      await look("connect");
      await person.connect(nodes);
      await page.getByRole("heading", { name: "Nothing in the vault yet" }).waitFor();
      await look("files-empty");

      await person.drop("photos", { 2025: { "a.txt": "a" }, "b.txt": "b" });
      await person.trayEnds("safe");
      const line = "A quiet, well-made drawer.\n";
      await person.add([
        { name: "notes.txt", content: line.repeat(40) },
        { name: "a name that goes on and on, longer than any column of any list on any screen.pdf", content: "x".repeat(5000) },
        { name: "song.flac", content: "y".repeat(50_000) },
        {
          name: "drawing.svg",
          content: "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 5'><rect width='9' height='5' fill='#8ab'/></svg>",
        },
      ]);
      await person.row("song.flac").getByText("safe").waitFor();
      await look("tray");
      await person.button("Close the tray");
      await look("files");
      await person.select("notes.txt");
      await look("selection");
      await person.button("Move");
      await page.getByRole("dialog").getByRole("button", { name: "photos" }).waitFor();
      await look("move");
      await page.keyboard.press("Escape");
      await person.open("notes.txt");
      await page.getByText("A quiet").first().waitFor();
      await look("viewer-text");
      await page.keyboard.press("Escape");
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await look("keys");
      await page.keyboard.press("Escape");

      await person.go("Network");
      await page.getByRole("table").getByText("paris", { exact: true }).waitFor();
      await look("network");
      await person.button("Where are the copies of a file?");
      await page.getByRole("dialog").getByRole("button", { name: "notes.txt" }).click();
      await page.getByText("This device has a copy of its own.").waitFor();
      await look("network-file");
      await person.go("Storage");
      await page.getByRole("heading", { name: "Room" }).waitFor();
      await look("storage");
      await person.go("Settings");
      await page.getByRole("heading", { name: "This device" }).waitFor();
      await look("settings");
      await page.getByRole("textbox", { name: "Password" }).fill("correct horse");
      await person.button("Set the password");
      await person.button("Lock now");
      await page.getByRole("heading", { name: "Family is locked" }).waitFor();
      await look("locked");
    });
  },
};
