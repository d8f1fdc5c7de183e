// What a tab keeps of its own beside the vault's store: the device's seed under a key that no script can read, and a number that only
// grows. A database of its own, so that the vault's store stays the driver's.

/** The device of a vault, as it is kept. */
export interface Kept {
  /** The seed, or the seed as its password locked it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly locked: boolean;
  /** The vault's first notes are written. */
  readonly founded: boolean;
  /** Which node each invitation led to that was redeemed, by the invitation's hash. */
  readonly redeemed: { readonly [hash: string]: string };
  /** A node may lack what was there before it. */
  readonly unspread: boolean;
}

/** Where a device is kept: in this browser, or nowhere but in memory. */
export interface Keeping {
  /** Raises the number that tells an old leader from a new one. */
  fence(): Promise<number>;
  load(): Promise<Kept | undefined>;
  save(kept: Kept): Promise<void>;
  /** Keeps a seed that a password opened for as long as somebody holds the key that is returned. */
  remember(seed: Uint8Array<ArrayBuffer>): Promise<CryptoKey>;
  recall(key: CryptoKey): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Makes every such key useless. */
  forget(): Promise<void>;
  /** Removes what an unfinished founding left in the vault's store. */
  clear(store: string): Promise<void>;
}

/** A device in this browser. */
export class DeviceDatabase implements Keeping {
  readonly #name: string;

  constructor(name: string) {
    this.#name = databaseName(name);
  }

  async fence(): Promise<number> {
    return this.#change(
      (rows) =>
        new Promise<number>((resolve) => {
          const request: IDBRequest<unknown> = rows.get("fence");
          // In the turn in which the answer comes, while the transaction is open.
          request.onsuccess = () => {
            const next = typeof request.result === "number" ? request.result + 1 : 1;
            rows.put(next, "fence");
            resolve(next);
          };
        }),
    );
  }

  async load(): Promise<Kept | undefined> {
    const row = (await this.#read("seed")) as Row | undefined;
    if (row === undefined) return undefined;
    const { locked, founded, redeemed, unspread } = row;
    return { bytes: await open(row), locked, founded, redeemed, unspread };
  }

  async save({ bytes, locked, founded, redeemed, unspread }: Kept): Promise<void> {
    const row: Row = { ...(await seal(await freshKey(), bytes)), locked, founded, redeemed, unspread };
    await this.#change((rows) => void rows.put(row, "seed"));
  }

  async remember(seed: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    const key = await freshKey();
    const { iv, sealed } = await seal(key, seed);
    await this.#change((rows) => void rows.put({ iv, sealed }, "session"));
    return key;
  }

  async recall(key: CryptoKey): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const row = (await this.#read("session")) as Omit<Sealed, "key"> | undefined;
    // A key of an earlier session opens nothing: that is no error.
    return row && open({ ...row, key }).catch(() => undefined);
  }

  async forget(): Promise<void> {
    await this.#change((rows) => void rows.delete("session"));
  }

  async clear(store: string): Promise<void> {
    await deleteDatabase(store);
  }

  async #read(key: string): Promise<unknown> {
    const database = await connect(this.#name);
    try {
      return await answer(database.transaction(ROWS).objectStore(ROWS).get(key));
    } finally {
      database.close();
    }
  }

  async #change<T>(change: (rows: IDBObjectStore) => T | Promise<T>): Promise<T> {
    const database = await connect(this.#name);
    try {
      const transaction = database.transaction(ROWS, "readwrite", { durability: "strict" });
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      const value = change(transaction.objectStore(ROWS));
      await done;
      return await value;
    } finally {
      database.close();
    }
  }
}

/** Says what is kept under a name, without opening anything. */
export async function peek(name: string): Promise<"none" | "ready" | "locked"> {
  const listed = await indexedDB.databases?.();
  if (listed && !listed.some((database) => database.name === databaseName(name))) return "none";
  const database = await connect(databaseName(name));
  try {
    const row = (await answer(database.transaction(ROWS).objectStore(ROWS).get("seed"))) as Row | undefined;
    if (!row?.founded) return "none";
    return row.locked ? "locked" : "ready";
  } finally {
    database.close();
  }
}

/** Deletes all that is kept under a name. */
export function forgetDevice(name: string): Promise<void> {
  return deleteDatabase(databaseName(name));
}

/** Deletes a database. Whoever has it open closes it when asked. */
export function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}

interface Sealed {
  readonly key: CryptoKey;
  readonly iv: ArrayBuffer;
  readonly sealed: ArrayBuffer;
}

interface Row extends Sealed {
  readonly locked: boolean;
  readonly founded: boolean;
  readonly redeemed: Kept["redeemed"];
  readonly unspread: boolean;
}

const ROWS = "device";

function databaseName(name: string): string {
  return `cachette-device:${name}`;
}

function connect(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ROWS);
    request.onsuccess = () => {
      const database = request.result;
      database.onversionchange = () => database.close();
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

async function freshKey(): Promise<CryptoKey> {
  return crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

async function seal(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<Sealed> {
  const iv = crypto.getRandomValues(new Uint8Array(12)).buffer;
  return { key, iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes) };
}

async function open({ key, iv, sealed }: Sealed): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed));
}
