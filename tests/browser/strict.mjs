// What the app does not let happen: code from elsewhere, frames around it, secrets in addresses, and stored pages that run.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";

import { story } from "./app.mjs";
import { lenient } from "./front.mjs";
import { Person } from "./person.mjs";

/** Every way in which stored content tries to run, to tell somebody elsewhere, or to be taken for something else. */
function hostile(evil) {
  const script = `<script>top.hit = 1; parent.postMessage('hit', '*'); fetch('${evil}/script')</script>`;
  const calls = `<img src="${evil}/picture"><link rel="stylesheet" href="${evil}/style"><meta http-equiv="refresh" content="0;url=${evil}/next">`;
  return {
    "page.html": `<!doctype html><title>x</title><b>a page</b>${script}${calls}<img src=x onerror="top.hit = 2"><a id=a href="javascript:top.hit=3">x</a>`,
    "drawing.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="top.hit = 4">${script}<rect width="80" height="40"/></svg>`,
    "notes.txt": `${script} only words`,
    "<img src=x onerror=top.hit=5>.txt": "a name",
    '"><script>top.hit=6<\u2044script>.txt': "another name",
    "\u202egnp.exe": "a name that would read backwards",
  };
}

/** A server elsewhere that counts who came, and shows a page. */
async function elsewhere(page = "") {
  const seen = [];
  const server = createServer(({ url }, response) => {
    seen.push(url);
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://127.0.0.1:${server.address().port}`, seen, end };
}

export const tests = {
  w05_stored_pages_and_names_run_nothing: story(async ({ someone, origin, own }) => {
    const evil = own(await elsewhere());
    const files = hostile(evil.origin);
    const person = await Person.arrive(await someone(), origin);
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
      Object.entries(files).map(([name, content]) => ({ name, content })),
      "local",
    );
    for (const name of Object.keys(files)) await person.row(name.replace("\u202e", "\ufffd")).waitFor();

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
    assert.deepEqual(evil.seen, [], "something reached the network");
  }),

  a_page_over_plain_http_says_what_to_do: story(async ({ someone, nodes }) => {
    const lan = Object.values(networkInterfaces()).flat();
    const address = lan.find(({ family, internal }) => family === "IPv4" && !internal)?.address;
    if (!address) return "this machine has no address but loopback";
    const front = await lenient(nodes[0], address);
    try {
      const { page } = await Person.arrive(await someone(), front.origin);
      await page.getByRole("heading", { name: "This connection is not protected" }).waitFor();
      await page.getByText("--tls-cert").waitFor();
    } finally {
      await front.close();
    }
  }),
};

/** What only a browser shows that can be driven under the real policy. */
export const chromium = {
  w07_the_app_works_without_a_violation_and_runs_no_code_from_text: story(async ({ someone, origin, nodes }) => {
    const person = await Person.arrive(await someone(), origin);
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
  }),

  w04_nobody_frames_the_app: story(async ({ someone, origin, own }) => {
    const evil = own(await elsewhere(`<iframe id="app" src="${origin}/"></iframe>`));
    const { context } = await someone();
    const page = await context.newPage();
    const refused = page.waitForEvent("console", (message) => /frame-ancestors/i.test(message.text()));
    await page.goto(evil.origin);
    await refused;
    const shown = page.frames().find((frame) => frame !== page.mainFrame());
    assert.equal(await shown.locator("cachette-app").count(), 0);
  }),
};
