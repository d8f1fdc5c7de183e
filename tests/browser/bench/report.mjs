// What a benchmark says.

export const MIB = 1 << 20;

/** Returns the middle of some figures. */
export function middle(figures) {
  return figures.toSorted((one, other) => one - other)[figures.length >> 1];
}

/** Prints one line of the table: what it is of, what was seen, and what is aimed at. */
export function say(browser, what, seen, aim = "") {
  console.log(`${browser.padEnd(8)}  ${what.padEnd(44)}  ${seen}${aim && `  (aim: ${aim})`}`);
}

/** Returns MiB a second. */
export function rate(bytes, milliseconds) {
  return bytes / MIB / (milliseconds / 1000);
}
