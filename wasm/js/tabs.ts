// What the tabs of one peer say to each other, and the names under which they do.

/** On the channel that all tabs of a name share. */
export type TabMessage =
  /** A view wants to be served, on a channel of its own whose lock it holds. */
  | { readonly type: "hello"; readonly channel: string; readonly protocol: number }
  /** The service speaks otherwise than this view, for their releases differ. */
  | { readonly type: "stranger"; readonly channel: string; readonly protocol: number }
  /** A service starts (its page says so) or is there (it says so itself). `again`: calls that it did not answer may be repeated. */
  | { readonly type: "leading"; readonly service: string; readonly again: boolean }
  /** The vault was locked: every view closes. */
  | { readonly type: "locked" };

/** How tabs and their service speak. Another number for every change of `protocol.ts` or of this file. */
export const PROTOCOL = 1;

/** The vault's store, the lock of its leader, and the channel of its tabs. */
export const houseName = (name: string): string => `cachette:${name}`;
/** The lock by which a service sees that a view is gone. */
export const viewLock = (channel: string): string => `cachette-view:${channel}`;
/** The lock of whoever takes the leader's lock from one that does not answer. */
export const stealLock = (name: string): string => `cachette-steal:${name}`;
