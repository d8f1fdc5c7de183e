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

/** Says whether this is a private window, as far as the browser lets on: Firefox refuses folders there, Chromium shows no difference. */
async function isEphemeral(): Promise<boolean> {
  const folder = manager()?.getDirectory?.();
  return (await folder?.then(
    () => false,
    () => true,
  )) ?? false;
}
