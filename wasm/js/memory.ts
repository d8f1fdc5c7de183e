// As much of IndexedDB as the driver uses, in memory: what there is to store in where no browser is. Transactions run one after the
// other, each whole or not at all.

/** Where the driver looks for storage: these names, and `indexedDB`. They are set when a peer opens, and only where none are. */
export function provide(scope: object): void {
  if ("indexedDB" in scope) return;
  const provided = { IDBFactory: Factory, IDBDatabase: Database, IDBKeyRange: KeyRange, indexedDB: new Factory() };
  for (const [name, value] of Object.entries(provided)) Object.defineProperty(scope, name, { value, configurable: true, writable: true });
}

type Listener = ((event: object) => void) | null;
type Key = Uint8Array | ArrayBuffer | string;

class Factory {
  readonly #databases = new Map<string, Rows>();

  open(name: string, version: number): Request {
    const request = new Request();
    const found = this.#databases.get(name);
    const rows = found ?? new Map<string, Table>();
    this.#databases.set(name, rows);
    later(() => {
      const database = new Database(rows);
      request.result = database;
      if (!found) request.onupgradeneeded?.(happening({ oldVersion: 0, newVersion: version }));
      request.onsuccess?.(happening());
    });
    return request;
  }

  deleteDatabase(name: string): Request {
    const request = new Request();
    this.#databases.delete(name);
    later(() => request.onsuccess?.(happening()));
    return request;
  }
}

class Request {
  result: unknown;
  readonly error = null;
  readonly transaction = null;
  onsuccess: Listener = null;
  onerror: Listener = null;
  onupgradeneeded: Listener = null;
  onblocked: Listener = null;
}

class Database {
  readonly #rows: Rows;
  /** The transactions that are not over, of all connections. */
  static readonly #turns = new WeakMap<Rows, Promise<void>>();
  onversionchange: Listener = null;
  onclose: Listener = null;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  createObjectStore(name: string): void {
    this.#rows.set(name, new Table());
  }

  transaction(): Transaction {
    const transaction = new Transaction(this.#rows);
    const before = Database.#turns.get(this.#rows) ?? Promise.resolve();
    Database.#turns.set(
      this.#rows,
      before.then(() => transaction.run()),
    );
    return transaction;
  }

  close(): void {}
}

class Transaction {
  oncomplete: Listener = null;
  onabort: Listener = null;
  readonly error = null;
  readonly #rows: Rows;
  readonly #asked: (() => void)[] = [];
  readonly #undo: (() => void)[] = [];
  #aborted = false;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  objectStore(name: string): ObjectStore {
    const table = this.#rows.get(name);
    if (!table) throw new DOMException(`there is no ${name}`, "NotFoundError");
    return new ObjectStore(table, this);
  }

  abort(): void {
    this.#aborted = true;
  }

  ask(work: () => unknown): Request {
    const request = new Request();
    this.#asked.push(() => {
      request.result = work();
      request.onsuccess?.(happening());
    });
    return request;
  }

  /** Remembers how to take a change back. */
  changed(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Answers until nobody asks for more, and ends. */
  async run(): Promise<void> {
    do {
      for (let next = this.#asked.shift(); next && !this.#aborted; next = this.#asked.shift()) next();
      // Whoever got an answer asks on in the same turn.
      await new Promise<void>(later);
    } while (this.#asked.length > 0 && !this.#aborted);
    if (this.#aborted) for (const undo of this.#undo.reverse()) undo();
    (this.#aborted ? this.onabort : this.oncomplete)?.(happening());
  }
}

class ObjectStore {
  readonly #table: Table;
  readonly #transaction: Transaction;

  constructor(table: Table, transaction: Transaction) {
    this.#table = table;
    this.#transaction = transaction;
  }

  get(key: Key): Request {
    return this.#transaction.ask(() => copy(this.#table.rows.get(text(key))));
  }

  getAll(range?: KeyRange, limit?: number): Request {
    return this.#transaction.ask(() => this.#table.within(range, limit).map((key) => copy(this.#table.rows.get(key))));
  }

  getAllKeys(range?: KeyRange, limit?: number): Request {
    return this.#transaction.ask(() => this.#table.within(range, limit).map(bytes));
  }

  put(value: unknown, key: Key): Request {
    return this.#change(text(key), value);
  }

  delete(key: Key): Request {
    return this.#change(text(key), undefined);
  }

  #change(key: string, value: unknown): Request {
    const kept = copy(value);
    return this.#transaction.ask(() => {
      const before = this.#table.rows.get(key);
      this.#transaction.changed(() => this.#table.set(key, before));
      this.#table.set(key, kept);
    });
  }
}

/** Rows by their keys, one character to a byte, which orders them as bytes. */
class Table {
  readonly rows = new Map<string, unknown>();
  #sorted: string[] | undefined;

  set(key: string, value: unknown): void {
    if (this.rows.has(key) !== (value !== undefined)) this.#sorted = undefined;
    if (value === undefined) this.rows.delete(key);
    else this.rows.set(key, value);
  }

  within(range: KeyRange | undefined, limit: number | undefined): string[] {
    this.#sorted ??= [...this.rows.keys()].sort((a, b) => (a < b ? -1 : 1));
    const keys = range ? this.#sorted.filter((key) => range.includes(key)) : this.#sorted;
    return limit ? keys.slice(0, limit) : keys;
  }
}

type Rows = Map<string, Table>;

class KeyRange {
  readonly #low: string;
  readonly #high: string;
  readonly #withoutLow: boolean;

  constructor(low: Key, high: Key, withoutLow: boolean) {
    this.#low = text(low);
    this.#high = text(high);
    this.#withoutLow = withoutLow;
  }

  static bound(low: Key, high: Key, withoutLow = false): KeyRange {
    return new KeyRange(low, high, withoutLow);
  }

  includes(key: string): boolean {
    return (this.#withoutLow ? key > this.#low : key >= this.#low) && key <= this.#high;
  }
}

function text(key: Key): string {
  if (typeof key === "string") return key;
  return Array.from(new Uint8Array(key instanceof ArrayBuffer ? key : key.slice().buffer), (byte) => String.fromCharCode(byte)).join("");
}

function bytes(key: string): ArrayBuffer {
  return Uint8Array.from(key, (character) => character.charCodeAt(0)).buffer;
}

/** Nobody who gets a value can change what is stored. */
function copy(value: unknown): unknown {
  return value === undefined ? undefined : structuredClone(value);
}

function happening(more: object = {}): object {
  return { preventDefault: () => undefined, stopPropagation: () => undefined, ...more };
}

/** In a later turn, after all that follows from this one. */
function later(work: () => void): void {
  setTimeout(work);
}
