// From a request to open to an open vault: finds the device or makes one, unlocks it, opens the store, redeems an invitation.
//
//   none --found, restore--> founding --first notes are written--> founded --open--> open
//
// The seed is kept before the vault's first notes, so that a cut in between leaves nothing that nobody can open.

import type { Bindings, Device, Job, Tab, TabEvent } from "./bindings.js";
import type { Port } from "./channel.js";
import type { Kept, Keeping } from "./device.js";
import { CachetteError } from "./errors.js";
import type { OpenInput, Opened } from "./protocol.js";
import type { Locksmith } from "./sealing.js";
import { Vault } from "./vault.js";

/** What a vault is opened on. */
export interface Ground {
  readonly bindings: Bindings;
  /** The name of the vault's store. */
  readonly store: string;
  readonly keeping: Keeping;
  readonly locksmith: Locksmith;
  /** Ports of workers that seal. */
  readonly sealers: readonly Port<Job, Job>[];
  readonly onEvent: (event: TabEvent) => void;
}

/** The vault of one service, opened once for all views. */
export class Opening {
  readonly #ground: Ground;
  #vault: Vault | undefined;
  #session: CryptoKey | undefined;
  /** One request after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** Opens the vault, or says what it opened to before. */
  open(input: OpenInput): Promise<Opened> {
    return this.#inTurn(async () => {
      const words = this.#vault ? this.#already(input) : await this.#first(input);
      const vault = this.vault();
      if (input.invitation !== undefined) await this.#redeem(vault, input.invitation);
      return { peer: vault.tab.peer, vault: vault.tab.vault, words, session: this.#session };
    });
  }

  /** Returns the open vault. */
  vault(): Vault {
    if (!this.#vault) throw new CachetteError("closed", "this peer is closed", { hint: "open it again" });
    return this.#vault;
  }

  /** Sets, changes or removes the password of this device. */
  setPassword(password: string | undefined, old: string | undefined): Promise<{ session: CryptoKey | undefined }> {
    return this.#inTurn(async () => {
      this.vault();
      const { keeping, locksmith } = this.#ground;
      const kept = await this.#kept();
      const seed = kept.locked ? await locksmith.unlock(kept.bytes, wanted(old)) : kept.bytes;
      if (password === undefined) {
        await keeping.save({ ...kept, bytes: seed, locked: false });
        await keeping.forget();
        this.#session = undefined;
      } else {
        await keeping.save({ ...kept, bytes: await locksmith.lock(seed, password), locked: true });
        this.#session = await keeping.remember(seed);
      }
      seed.fill(0);
      return { session: this.#session };
    });
  }

  /** Redeems an invitation and returns the id of the node that joined. */
  join(invitation: string): Promise<string> {
    return this.#inTurn(() => this.#redeem(this.vault(), invitation));
  }

  /** Forgets the opened seed and closes. */
  lock(): Promise<void> {
    return this.#inTurn(async () => {
      const { locked } = await this.#kept();
      if (!locked) {
        throw new CachetteError("invalid-argument", "nothing locks this vault", { hint: "set a password first" });
      }
      await this.#ground.keeping.forget();
      this.#session = undefined;
      await this.#close();
    });
  }

  close(): Promise<void> {
    return this.#inTurn(() => this.#close());
  }

  async #close(): Promise<void> {
    const vault = this.#vault;
    this.#vault = undefined;
    await vault?.tab.close();
  }

  #already({ restore }: OpenInput): undefined {
    if (restore) throw exists();
  }

  /** Returns the recovery words when a vault was made. */
  async #first(input: OpenInput): Promise<string | undefined> {
    const { keeping } = this.#ground;
    const kept = await keeping.load();
    const fence = await keeping.fence();
    if (kept?.founded) {
      if (input.restore) throw exists();
      const seed = await this.#seed(kept, input);
      this.#vault = await this.#openTab(seed, fence, input, kept);
      return undefined;
    }
    if (!input.create && !input.restore) {
      throw new CachetteError("no-vault", "there is no vault under this name in this browser", { hint: "make one, or restore one" });
    }
    // An unfinished founding: nobody has seen its words.
    if (kept) await keeping.clear(this.#ground.store);
    return this.#found(input, fence);
  }

  async #found(input: OpenInput, fence: number): Promise<string | undefined> {
    const { bindings, keeping, locksmith, store } = this.#ground;
    const { Device, Tab } = bindings;
    const paper = input.restore ? Device.fromWords(input.restore.words) : Device.fresh();
    const device = Device.fresh();
    try {
      const seed = device.seed().slice();
      const locked = input.password !== undefined;
      const bytes = input.password === undefined ? seed.slice() : await locksmith.lock(seed.slice(), input.password);
      const kept: Kept = { bytes, locked, founded: false, redeemed: {}, unspread: false };
      await keeping.save(kept);
      if (input.restore) await Tab.restore({ store, device, paper, addresses: [...input.restore.nodes], fence });
      else await Tab.found({ store, device, paper, fence });
      await keeping.save({ ...kept, founded: true });
      if (locked) this.#session = await keeping.remember(seed);
      this.#vault = await this.#openTab(seed, fence, input, kept);
      return input.restore ? undefined : paper.words();
    } finally {
      free(device);
      free(paper);
    }
  }

  async #seed(kept: Kept, { password, session }: OpenInput): Promise<Uint8Array<ArrayBuffer>> {
    const { keeping, locksmith } = this.#ground;
    if (!kept.locked) return kept.bytes;
    const remembered = session && (await keeping.recall(session));
    if (remembered) {
      this.#session = session;
      return remembered;
    }
    const seed = await locksmith.unlock(kept.bytes, wanted(password));
    this.#session = await keeping.remember(seed);
    return seed;
  }

  async #openTab(seed: Uint8Array<ArrayBuffer>, fence: number, { limit }: OpenInput, kept: Kept): Promise<Vault> {
    const { bindings, store, sealers, onEvent } = this.#ground;
    const device = bindings.Device.fromSeed(seed);
    seed.fill(0);
    let vault: Vault | undefined;
    const tell = (event: TabEvent) => {
      vault?.take(event);
      onEvent(event);
    };
    let tab: Tab;
    try {
      tab = await bindings.Tab.open({ store, device, fence, limit: limit ?? DEFAULT_LIMIT, sealers, onEvent: tell });
    } finally {
      free(device);
    }
    vault = new Vault(tab);
    if (kept.unspread) this.#spread(vault);
    return vault;
  }

  async #redeem(vault: Vault, invitation: string): Promise<string> {
    const { keeping } = this.#ground;
    const hash = await digest(invitation);
    const { [hash]: before } = (await this.#kept()).redeemed;
    if (before !== undefined) return before;
    const { peer } = await vault.tab.join(invitation);
    const kept = await this.#kept();
    await keeping.save({ ...kept, redeemed: { ...kept.redeemed, [hash]: peer }, unspread: true });
    this.#spread(vault);
    return peer;
  }

  /** Gives nodes what they lack, beside everything else; what does not come about is tried again when the vault is opened next. */
  #spread(vault: Vault): void {
    const note = () => this.#inTurn(async () => this.#ground.keeping.save({ ...(await this.#kept()), unspread: false }));
    vault
      .spread()
      .then((safe) => (safe ? note() : undefined))
      .catch(() => undefined);
  }

  async #kept(): Promise<Kept> {
    const kept = await this.#ground.keeping.load();
    if (!kept) throw new CachetteError("no-vault", "this browser's data was cleared", { hint: "restore the vault from its words" });
    return kept;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** What this browser may hold if nobody says otherwise. */
const DEFAULT_LIMIT = 4 * 2 ** 30;

function free(device: Device): void {
  // A device that was handed to the driver is its own.
  try {
    device.free();
  } catch {
    // It was.
  }
}

function wanted(password: string | undefined): string {
  if (password !== undefined) return password;
  throw new CachetteError("locked", "this vault is locked with a password", { hint: "give the password" });
}

function exists(): CachetteError {
  return new CachetteError("vault-exists", "there is a vault under this name already", { hint: "choose another name" });
}

async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text.trim()));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
