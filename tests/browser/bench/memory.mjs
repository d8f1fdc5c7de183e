// How much memory a browser's pages and workers take, by what the kernel says of their processes.

import { readFileSync, readdirSync } from "node:fs";

/** How often is looked, in milliseconds: a window of blocks fills and empties more slowly. */
const EVERY = 100;

/** Looks at a browser's memory until it is ended. */
export class MemoryWatch {
  #pids;
  #idle;
  #most;
  #timer;

  static begin(browser) {
    const watch = new MemoryWatch();
    watch.#pids = tabs(browser.profile);
    watch.#idle = watch.#most = taken(watch.#pids);
    watch.#timer = setInterval(() => (watch.#most = Math.max(watch.#most, taken(watch.#pids))), EVERY);
    return watch;
  }

  /** Returns by how many MiB it was more, at most, than at the beginning. */
  end() {
    clearInterval(this.#timer);
    return (this.#most - this.#idle) / 1024;
  }
}

/** Returns the processes of a browser in which pages and their workers run. */
function tabs(profile) {
  const processes = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      processes.set(Number(pid), { parent, words: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ") });
    } catch {
      // It went meanwhile.
    }
  }
  const within = (pid) => {
    const found = processes.get(pid);
    return found !== undefined && (found.words.includes(profile) || within(found.parent));
  };
  const isTab = ({ words }) => / --type=renderer |^\S+ -contentproc .* tab\s*$/.test(words);
  return [...processes].filter(([pid, found]) => isTab(found) && within(pid)).map(([pid]) => pid);
}

/** Returns the KiB that processes have for themselves or share with one another; files that are mapped are the system's. */
function taken(pids) {
  let sum = 0;
  for (const pid of pids) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      for (const name of ["RssAnon", "RssShmem"]) sum += Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1] ?? 0);
    } catch {
      // It went meanwhile.
    }
  }
  return sum;
}
