// Photographs of pages: kept whole in target/pictures for people to look at, and compared with small accepted ones.
//
// Two pictures are alike when no part of them became lighter or darker to the eye: releases of a browser draw letters differently, and
// that must not matter. Whoever changed a page on purpose looks at target/pictures and accepts it with CACHETTE_ACCEPT=1.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ACCEPTED = fileURLToPath(new URL("pictures/", import.meta.url));
const WHOLE = fileURLToPath(new URL("../../target/pictures/", import.meta.url));
/** Accepted pictures are kept so many times smaller. */
const SMALLER = 4;
/** Parts of this many pixels are compared, of the small pictures. */
const PART = 12;
/** A part may differ by so much of 255 in its mean: a line of text does, a letter does not. */
const PART_MAX = 26;

export class Pictures {
  /** Takes a page on which pictures are compared. */
  static async start(context) {
    const pictures = new Pictures();
    for (const folder of [ACCEPTED, WHOLE]) mkdirSync(folder, { recursive: true });
    pictures.desk = await context.newPage();
    pictures.changed = [];
    const letters = await pictures.desk.evaluate(measure);
    const kept = existsSync(`${ACCEPTED}letters.json`) ? JSON.parse(readFileSync(`${ACCEPTED}letters.json`)) : undefined;
    pictures.accepting = process.env.CACHETTE_ACCEPT === "1";
    if (pictures.accepting) writeFileSync(`${ACCEPTED}letters.json`, `${JSON.stringify(letters)}\n`);
    // Where other fonts are installed, every page looks different, and nothing can be learnt.
    pictures.comparable = pictures.accepting || JSON.stringify(kept) === JSON.stringify(letters);
    return pictures;
  }

  /** Photographs a page for people, and again for comparing: without what is `gone`, and with what is `covered` by plain grey. */
  async take(name, page, { covered = [], gone = [] } = {}) {
    await page.screenshot({ path: `${WHOLE}${name}.png`, animations: "disabled", caret: "hide" });
    if (!this.comparable) return;
    const show = (display) =>
      Promise.all(gone.map((locator) => locator.evaluateAll((found, to) => found.forEach(({ style }) => (style.display = to)), display)));
    await show("none");
    const whole = await page.screenshot({ animations: "disabled", caret: "hide", mask: covered, maskColor: "#888888" });
    await show("");
    const path = `${ACCEPTED}${name}.png`;
    const small = Buffer.from(await this.desk.evaluate(shrink, [whole.toString("base64"), SMALLER]), "base64");
    if (this.accepting) writeFileSync(path, small);
    else if (!existsSync(path)) this.changed.push(`${name} is new`);
    else {
      const difference = await this.desk.evaluate(compare, [small.toString("base64"), readFileSync(path).toString("base64"), PART]);
      if (difference > PART_MAX) this.changed.push(`${name} differs by ${Math.round(difference)}`);
    }
  }

  /** Says which pictures nobody has accepted. */
  verdict() {
    if (this.changed.length === 0) return undefined;
    return `${this.changed.join("; ")}. Look at target/pictures, then accept them: CACHETTE_ACCEPT=1 cargo xtask browsers pages`;
  }
}

/** Runs on a page: how wide the system's fonts are here. */
function measure() {
  const context = document.createElement("canvas").getContext("2d");
  return ["system-ui", "monospace"].map((font) => {
    context.font = `100px ${font}`;
    return Math.round(context.measureText("The four states: local, on its way, safe, at risk").width);
  });
}

/** Runs on a page: returns a smaller picture. */
async function shrink([picture, smaller]) {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width / smaller);
  canvas.height = Math.round(image.height / smaller);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png").split(",")[1];
}

/** Runs on a page: returns by how much the part that differs most does. */
async function compare([one, other, part]) {
  const read = async (picture) => {
    const image = new Image();
    image.src = `data:image/png;base64,${picture}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
  const [a, b] = [await read(one), await read(other)];
  if (a.width !== b.width || a.height !== b.height) return 255;
  let worst = 0;
  for (let top = 0; top < a.height; top += part) {
    for (let left = 0; left < a.width; left += part) {
      const sums = [0, 0, 0];
      let pixels = 0;
      for (let y = top; y < Math.min(top + part, a.height); y++) {
        for (let x = left; x < Math.min(left + part, a.width); x++) {
          const at = (y * a.width + x) * 4;
          for (const colour of [0, 1, 2]) sums[colour] += a.data[at + colour] - b.data[at + colour];
          pixels++;
        }
      }
      worst = Math.max(worst, ...sums.map((sum) => Math.abs(sum) / pixels));
    }
  }
  return worst;
}
