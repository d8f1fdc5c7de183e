// Forgetting a vault in this browser: every tab lets go of it, then its two databases are deleted. What nodes keep stays there.

import { deleteDatabase, forgetDevice } from "./device.js";
import { houseName, type TabMessage } from "./tabs.js";

/** Closes the peer of a name in all tabs and deletes what this browser keeps of it. */
export async function erase(name: string): Promise<void> {
  const channel = new BroadcastChannel(houseName(name));
  channel.postMessage({ type: "locked" } satisfies TabMessage);
  try {
    // The leader holds the lock until its workers have ended. One that is frozen does not let go, and loses it.
    await navigator.locks
      .request(houseName(name), { signal: AbortSignal.timeout(PATIENCE_MS) }, () => forget(name))
      .catch((error: Error) => {
        if (error.name !== "TimeoutError") throw error;
        return navigator.locks.request(houseName(name), { steal: true }, () => forget(name));
      });
  } finally {
    channel.close();
  }
}

/** The seed goes first: without it nothing of the rest can be read. */
async function forget(name: string): Promise<void> {
  await forgetDevice(name);
  await deleteDatabase(houseName(name));
}

const PATIENCE_MS = 3000;
