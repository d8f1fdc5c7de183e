// What the tests of a browser wait for, so that one that hangs can say where.

const open = new Set();

/** Notes that something is waited for until it ends. */
export async function noted(browser, what, work) {
  const entry = { browser, what: what.slice(0, LENGTH), since: Date.now() };
  open.add(entry);
  try {
    return await work;
  } finally {
    open.delete(entry);
  }
}

/** Returns what is waited for in a browser, and for how many seconds. */
export function waitingIn(browser) {
  const here = [...open].filter((entry) => entry.browser === browser);
  return here.map(({ what, since }) => `${what} (${Math.round((Date.now() - since) / 1000)} s)`);
}

const LENGTH = 160;
