// What the app does not let happen: code from elsewhere, frames around it, secrets in addresses, and stored pages that run.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";

import { house } from "./app.mjs";
import { lenient } from "./front.mjs";
import { Person } from "./person.mjs";

/** Every way in which stored content tries to run or to be taken for something else. */
const SCRIPT = "<script>top.hit = 1; parent.postMessage('hit', '*'); fetch('/peer?hit')</script>";
const HOSTILE = {
  "page.html": `<!doctype html><title>x</title><b>a page</b>${SCRIPT}<img src=x onerror="top.hit = 2"><a id=a href="javascript:top.hit=3">x</a>`,
  "drawing.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="top.hit = 4">${SCRIPT}<rect width="80" height="40"/></svg>`,
  "notes.txt": `${SCRIPT} only words`,
  "<img src=x onerror=top.hit=5>.txt": "a name",
  '"><script>top.hit=6<\u2044script>.txt': "another name",
  "\u202egnp.exe": "a name that would read backwards",
};

export async function inHouse(world, tell) {
  const home = await house(world.browser);
  try {
    return await tell({ ...world, ...home });
  } finally {
    await home.end();
  }
}

export const tests = {
  async w05_stored_pages_and_names_run_nothing(world) {
    return inHouse(world, async ({ start, origin }) => {
      const person = await Person.arrive(await start(), origin);
      const { page } = person;
      await person.makeVault("Hostile");
      await person.connect([]);
      await page.evaluate(() => {
        window.hit = 0;
        window.addEventListener("message", ({ data }) => {
          if (data === "hit") window.hit = 9;
        });
      });
      await person.add(
        Object.entries(HOSTILE).map(([name, content]) => ({ name, content })),
        "local",
      );
      for (const name of Object.keys(HOSTILE)) await person.row(name.replace("\u202e", "\ufffd")).waitFor();

      await person.open("page.html");
      const frame = page.frameLocator("iframe");
      await frame.getByText("a page").waitFor();
      await frame.locator("#a").click();
      const reach = await page.locator("iframe").evaluate((frame) => frame.contentDocument);
      assert.equal(reach, null, "the page is of another origin");
      // The page has the keyboard now, and keeps it.
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();

      await person.open("notes.txt");
      await page.getByText("only words").waitFor();
      await page.keyboard.press("Escape");
      await person.open("drawing.svg");
      const picture = page.getByRole("img", { name: "drawing.svg" });
      await picture.waitFor();
      await picture.evaluate((picture) => picture.decode());
      await page.keyboard.press("Escape");

      assert.equal(await page.evaluate(() => window.hit), 0, "something ran");
      assert.ok(!person.requests.some((url) => url.includes("hit")), "something reached the network");
    });
  },

  a_page_over_plain_http_says_what_to_do: (world) =>
    inHouse(world, async ({ start, nodes }) => {
      const lan = Object.values(networkInterfaces()).flat();
      const address = lan.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
      if (!address) return "this machine has no address but loopback";
      const front = await lenient(nodes[0], address);
      try {
        const { page } = await Person.arrive(await start(), front.origin);
        await page.getByRole("heading", { name: "This connection is not protected" }).waitFor();
        await page.getByText("--tls-cert").waitFor();
      } finally {
        await front.close();
      }
    }),
};

/** What only a browser shows that can be driven under the real policy. */
export const chromium = {
  async w07_the_app_works_without_a_violation_and_runs_no_code_from_text(world) {
    return inHouse(world, async ({ start, origin, nodes }) => {
      const person = await Person.arrive(await start(), origin);
      const { page } = person;
      await page.evaluate(() => {
        window.violations = [];
        document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
          window.violations.push(`${violatedDirective} ${blockedURI}`),
        );
      });
      await person.makeVault("Strict");
      await person.connect(nodes);
      await person.add([{ name: "a.txt", content: "a" }]);
      for (const place of ["Network", "Links", "Storage", "Settings", "Files"]) await person.go(place);
      assert.deepEqual(await page.evaluate(() => window.violations), []);
      const outcome = await page.evaluate(
        () =>
          new Promise((resolve) => {
            const button = document.createElement("button");
            button.setAttribute("onclick", "window.ran = 'inline'");
            document.body.append(button);
            button.click();
            setTimeout(() => {
              try {
                resolve(`eval gave ${(0, eval)("1")}; ${window.ran}`);
              } catch (error) {
                resolve(`${error.name}; ${window.ran}`);
              }
            });
          }),
      );
      assert.equal(outcome, "EvalError; undefined");
      assert.equal((await page.evaluate(() => window.violations)).length, 2, "and the page noticed both");
    });
  },

  async w04_nobody_frames_the_app(world) {
    return inHouse(world, async ({ start, origin }) => {
      const evil = createServer((_, response) => {
        response.writeHead(200, { "content-type": "text/html" });
        response.end(`<iframe id="app" src="${origin}/"></iframe>`);
      });
      await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
      try {
        const { context } = await start();
        const page = await context.newPage();
        const refused = page.waitForEvent("console", (message) => /frame-ancestors/i.test(message.text()));
        await page.goto(`http://127.0.0.1:${evil.address().port}/`);
        await refused;
        const shown = page.frames().find((frame) => frame !== page.mainFrame());
        assert.equal(await shown.locator("cachette-app").count(), 0);
      } finally {
        evil.closeAllConnections();
        evil.close();
      }
    });
  },
};
