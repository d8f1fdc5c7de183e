// One peer for all tabs of an origin. The tab that holds the lock leads: its page runs the workers. The others are views.
//
//   waiting --the lock is free--> leading --closed, hidden for good, robbed--> waiting
//      |                             ^
//      +--no answer for 1.2 s--> steals the lock
//
// A leader that is frozen cannot let go of the lock, so a view that needs it takes the lock away. When the old leader thaws it learns
// that it was robbed and ends its workers; should they be quicker than it, the number in the store keeps them from writing.

import { type Port, randomName, tabPort } from "./channel.js";
import { Crew } from "./crew.js";
import { CachetteError } from "./errors.js";
import type { ToService, ToView } from "./protocol.js";
import type { Client } from "./rpc.js";
import { isVisible } from "./suspension.js";
import { houseName, PROTOCOL, stealLock, type TabMessage, viewLock } from "./tabs.js";

/** How a tab takes part. */
export interface Part {
  readonly name: string;
  /** Loads the module, once. */
  readonly module: () => Promise<WebAssembly.Module>;
  readonly script: URL | string | undefined;
  readonly client: Client;
  /** Somebody waits for events, so that a leader is needed though no call is open. */
  readonly listening: () => boolean;
  readonly onLeading: (leading: boolean) => void;
  readonly onInterrupted: (code: string, message: string) => void;
  readonly onLocked: () => void;
  /** Nothing can be run here. */
  readonly onFailed: (error: CachetteError) => void;
}

/** A tab among the tabs of one name. */
export class Tabs {
  readonly #part: Part;
  readonly #channel: BroadcastChannel;
  readonly #closing = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #crew: Crew | undefined;
  /** This tab has the lock. */
  #holds = false;
  /** Lets go of it. */
  #resign: (() => void) | undefined;
  /** The page lies in the back-forward cache. */
  #away: Promise<void> | undefined;
  #back: () => void = () => undefined;
  #guest: Guest | undefined;
  /** The service that other tabs told of last. */
  #service: string | undefined;
  /** When workers broke, lately. */
  #traps: number[] = [];
  #silent = 0;
  #heard = 0;
  #news = true;
  #stealing = false;

  constructor(part: Part) {
    this.#part = part;
    this.#channel = new BroadcastChannel(houseName(part.name));
    this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => this.#take(data);
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    globalThis.addEventListener("pagehide", this.#hidden);
    globalThis.addEventListener("pageshow", this.#shown);
    void this.#wait();
    this.#knock();
  }

  /** Says whether this tab runs the peer. */
  get leading(): boolean {
    return this.#crew !== undefined;
  }

  /** Leaves; if this tab led, another one takes over. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#timer);
    globalThis.removeEventListener("pagehide", this.#hidden);
    globalThis.removeEventListener("pageshow", this.#shown);
    this.#leave();
    const crew = this.#crew;
    this.#crew = undefined;
    await crew?.close();
    this.#resign?.();
    this.#channel.close();
  }

  /** Takes part in nothing while the page lies in the back-forward cache, where it cannot answer. */
  readonly #hidden = (): void => {
    this.#away ??= new Promise((resolve) => (this.#back = resolve));
    this.#dismiss();
    this.#resign?.();
    this.#leave();
  };

  readonly #shown = (event: Event): void => {
    if (!(event as PageTransitionEvent).persisted || this.#closing.signal.aborted) return;
    this.#away = undefined;
    this.#back();
    this.#silent = 0;
    this.#knock();
  };

  /** Waits for the lock, again and again. */
  async #wait(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#away;
      await this.#hold({ signal: this.#closing.signal });
      // Whoever gave the lock up lets others have it first.
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
  }

  /** Leads for as long as it holds the lock. */
  async #hold(options: LockOptions): Promise<void> {
    try {
      await navigator.locks.request(houseName(this.#part.name), options, () => this.#lead());
    } catch (error) {
      if ((error as Error).name !== "AbortError") this.#part.onFailed(noLocks(error));
      // Robbed, or closing.
      this.#dismiss();
      this.#resign?.();
    }
  }

  async #lead(): Promise<void> {
    if (this.#closing.signal.aborted || this.#away) return;
    this.#holds = true;
    const resigned = new Promise<void>((resolve) => (this.#resign = resolve));
    this.#leave();
    await this.#start(true, resigned);
    await resigned;
    this.#holds = false;
    this.#dismiss();
  }

  /** Starts the workers, and tells the others until these can do so themselves. */
  async #start(again: boolean, resigned: Promise<void>): Promise<void> {
    const service = randomName();
    const message: TabMessage = { type: "leading", service, again };
    const beat = setInterval(() => this.#channel.postMessage(message), TICK_MS / 2);
    void resigned.then(() => clearInterval(beat));
    try {
      this.#channel.postMessage(message);
      const module = await this.#part.module();
      if (this.#closing.signal.aborted) return;
      const { name, script, client } = this.#part;
      const plan = { module, script, role: { role: "peer", name, service, again } } as const;
      const crew = new Crew(plan, (word) => {
        if (this.#crew !== crew) return;
        if (word.word === "locked") this.#part.onLocked();
        else if (word.word === "fatal") this.#broke(word.code, word.message, resigned);
      });
      this.#crew = crew;
      if (!again) client.giveUp();
      client.attach(this.#once(crew.view, () => clearInterval(beat)));
      this.#part.onLeading(true);
    } catch (error) {
      clearInterval(beat);
      this.#part.onFailed(error instanceof CachetteError ? error : notLoaded(error));
      this.#resign?.();
    }
  }

  /** Throws broken workers away and starts others; when those break too, what was asked of both is the reason and is not asked again. */
  #broke(code: string, message: string, resigned: Promise<void>): void {
    const now = performance.now();
    this.#traps = [...this.#traps.filter((time) => now - time < TRAP_MS), now];
    this.#dismiss();
    this.#part.onInterrupted(code, message);
    if (code === "stale-leader") {
      this.#resign?.();
    } else if (this.#traps.length > TRAPS_MAX) {
      this.#part.onFailed(new CachetteError("interrupted", `the peer breaks again and again: ${message}`, { hint: "reload the page" }));
      this.#resign?.();
    } else {
      void this.#start(this.#traps.length === 1, resigned);
    }
  }

  #dismiss(): void {
    const crew = this.#crew;
    this.#crew = undefined;
    if (!crew) return;
    crew.end();
    this.#part.client.detach();
    this.#part.onLeading(false);
  }

  /** Calls back at the first message, which says that the service is there. */
  #once(port: Port<ToService, ToView>, then: () => void): Port<ToService, ToView> {
    const tapped: Port<ToService, ToView> = { onmessage: undefined, send: port.send, close: port.close };
    port.onmessage = (message) => {
      then();
      tapped.onmessage?.(message);
    };
    return tapped;
  }

  #take(message: TabMessage): void {
    if (message.type === "locked") this.#part.onLocked();
    if (message.type === "stranger" && message.channel === this.#guest?.name) this.#part.onFailed(stranger(message.protocol));
    if (message.type !== "leading" || this.#holds) return;
    this.#news = true;
    if (message.service === this.#service) {
      // It is there now: no need to wait for the next tick.
      this.#guest?.knock();
      return;
    }
    this.#service = message.service;
    this.#leave();
    if (!message.again) this.#part.client.giveUp();
    this.#knock();
  }

  /** Ends the way to the leader of before. */
  #leave(): void {
    if (!this.#guest) return;
    this.#guest.leave();
    this.#guest = undefined;
    this.#part.client.detach();
  }

  /** Asks whoever leads to be served. */
  #knock(): void {
    if (this.#holds || this.#away || this.#closing.signal.aborted) return;
    this.#guest ??= new Guest(this.#channel, (port) => this.#part.client.attach(port));
    this.#guest.knock();
  }

  /** Looks whether the leader still answers whoever needs it. */
  #tick(): void {
    const { client, listening } = this.#part;
    const needed = client.pending > 0 || !client.ready || listening();
    if (this.#holds || !needed) {
      this.#silent = 0;
      return;
    }
    const answered = this.#news || client.heard !== this.#heard;
    this.#silent = answered ? 0 : this.#silent + 1;
    this.#news = false;
    this.#heard = client.heard;
    client.tell({ type: "ping" });
    if (!client.ready) this.#knock();
    // Who is not looked at can wait, and may itself be what sleeps.
    if (this.#silent >= SILENT_TICKS && isVisible()) void this.#steal();
  }

  async #steal(): Promise<void> {
    if (this.#stealing) return;
    this.#stealing = true;
    this.#silent = 0;
    // Of many tabs that miss the leader one takes its place.
    await navigator.locks.request(stealLock(this.#part.name), { ifAvailable: true }, async (guard) => {
      if (!guard || this.#holds) return;
      void this.#hold({ steal: true });
      await new Promise((resolve) => setTimeout(resolve, TICK_MS * SILENT_TICKS));
    });
    this.#stealing = false;
  }
}

/** A view's way to a leader in another tab. */
class Guest {
  readonly name = randomName();
  readonly #house: BroadcastChannel;
  readonly #port: Port<ToService, ToView>;
  readonly #there: Promise<void>;
  #leave: () => void = () => undefined;
  #welcome = false;

  constructor(house: BroadcastChannel, welcomed: (port: Port<ToService, ToView>) => void) {
    this.#house = house;
    this.#port = tabPort<ToService, ToView>(this.name);
    this.#port.onmessage = () => {
      this.#welcome = true;
      welcomed(this.#port);
    };
    const left = new Promise<void>((resolve) => (this.#leave = resolve));
    // The service sees by this lock that the view lives.
    this.#there = new Promise((resolve) => {
      void navigator.locks.request(viewLock(this.name), () => {
        resolve();
        return left;
      });
    });
  }

  knock(): void {
    if (this.#welcome) return;
    void this.#there.then(() => {
      if (this.#welcome) return;
      try {
        this.#house.postMessage({ type: "hello", channel: this.name, protocol: PROTOCOL } satisfies TabMessage);
      } catch {
        // The tab closed meanwhile.
      }
    });
  }

  leave(): void {
    this.#leave();
    this.#port.close();
  }
}

/** How often a view looks whether the leader is there. */
const TICK_MS = 400;
/** After so many looks without an answer it is not. */
const SILENT_TICKS = 3;
/** Workers that break within this time of one another break for the same reason. */
const TRAP_MS = 30_000;
const TRAPS_MAX = 3;

function stranger(protocol: number): CachetteError {
  if (protocol > PROTOCOL) {
    return new CachetteError("later-release", "another tab of this site runs a later release", { hint: "reload this page" });
  }
  return new CachetteError("storage-blocked", "another tab of this site runs an older release", { hint: "close or reload it, then reload this page" });
}

function noLocks(error: unknown): CachetteError {
  return new CachetteError("unsupported", "the browser grants no locks here", { cause: error });
}

function notLoaded(error: unknown): CachetteError {
  const message = error instanceof Error ? error.message : String(error);
  return new CachetteError("internal", `what the peer runs on could not be loaded: ${message}`, {
    hint: "see that the .wasm file is served, and that the page's policy allows 'wasm-unsafe-eval'",
    cause: error,
  });
}
