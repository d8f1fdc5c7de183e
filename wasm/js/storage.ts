// What the browser says and promises about this origin's storage.

/** The browser's side of storage. */
export interface Promised {
  readonly quota: number;
  readonly usage: number;
  readonly persisted: boolean;
  readonly ephemeral: boolean;
}

/** Asks the browser what it grants. */
export async function promised(): Promise<Promised> {
  const storage = manager();
  const { quota = 0, usage = 0 } = (await storage?.estimate?.().catch(() => undefined)) ?? {};
  const persisted = (await storage?.persisted?.().catch(() => false)) ?? false;
  return { quota, usage, persisted, ephemeral: await isEphemeral() };
}

/** Asks the browser not to clear this origin by itself. Best asked when a person just did something. */
export async function persist(): Promise<boolean> {
  const storage = manager();
  if (await storage?.persisted?.().catch(() => false)) return true;
  return (await storage?.persist?.().catch(() => false)) ?? false;
}

function manager(): StorageManager | undefined {
  return (globalThis.navigator as Navigator | undefined)?.storage;
}

/**
 * Guesses whether this is a private window, in which nothing outlives it. Firefox refuses a folder of its own there; Chromium grants less
 * than the memory that a page of script may have.
 */
async function isEphemeral(): Promise<boolean> {
  const storage = manager();
  if (!storage) return false;
  const refused = await storage.getDirectory?.().then(
    () => false,
    () => true,
  );
  if (refused) return true;
  const { jsHeapSizeLimit } = (performance as { memory?: { jsHeapSizeLimit?: number } }).memory ?? {};
  const { quota } = await storage.estimate?.().catch(() => ({ quota: undefined })) ?? {};
  return jsHeapSizeLimit !== undefined && quota !== undefined && quota < jsHeapSizeLimit * 2;
}
