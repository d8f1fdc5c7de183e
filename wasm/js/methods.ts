// What a view can ask the service for, beside reading bytes.

import type { RawEntry, Readable } from "./bindings.js";
import { CachetteError } from "./errors.js";
import type { Methods } from "./protocol.js";
import { put } from "./putting.js";
import type { Service, Work } from "./service.js";
import { normal } from "./sources.js";
import type { FileInfo } from "./types.js";

/** Answers one call. */
export type Method<In, Out, On = Service> = (service: On, input: In, work: Work) => Promise<Out>;
type Table<Names extends keyof Methods, On> = { readonly [M in Names]: Method<Methods[M][0], Methods[M][1], On> };

/** What can be asked of whatever can be read. */
export const LOOKING: Table<"list" | "stat" | "peers", { reading(): Readable }> = {
  list: async (service, { path, after, limit }) => {
    const entries = await service.reading().list(path, after, limit);
    return entries.map((entry) => info(path === "/" ? `/${written(entry)}` : `${path}/${written(entry)}`, entry));
  },

  stat: async (service, { path }) => info(path, await service.reading().stat(path)),
  peers: async (service) => service.reading().peers(),
};

/** What can be asked of a vault of one's own. */
export const METHODS: Table<keyof Methods, Service> = {
  ...LOOKING,

  open: (service, input) => service.opening.open(input),

  put: (service, input, work) => put(service.opening.vault(), input, work),

  makeFolder: async (service, { path }, { again, signal }) => {
    const vault = service.opening.vault();
    const make = () => vault.tab.makeFolder(path, { modified: Date.now() });
    const isThere = async () => (await vault.tab.stat(path)).kind === "folder";
    await vault.change(unless(again, make, isThere, "exists"), signal);
  },

  move: async (service, { from, to }, { again, signal }) => {
    const vault = service.opening.vault();
    const isThere = async () => vault.tab.stat(to).then(() => true);
    await vault.change(unless(again, () => vault.tab.rename(from, to), isThere, "not-found"), signal);
  },

  remove: async (service, { path }, { again, signal }) => {
    const vault = service.opening.vault();
    await vault.change(unless(again, () => vault.tab.remove(path), async () => true, "not-found"), signal);
  },

  share: async (service, { path }) => service.opening.vault().tab.share(path),
  shares: async (service) => {
    const shares = await service.opening.vault().tab.shares();
    return shares.map((share) => ({ ...share, path: normal(share.path) }));
  },
  withdraw: async (service, { id }) => service.opening.vault().tab.withdraw(id),

  join: async (service, { invitation }) => {
    const peer = await service.opening.join(invitation);
    const node = service.opening.vault().tab.nodes().find((node) => node.peer === peer);
    if (!node) throw new CachetteError("no-right", "the invitation's node left the vault again", { hint: "ask its operator for another one" });
    return node;
  },

  nodes: async (service) => service.opening.vault().tab.nodes(),
  whereabouts: async (service, { path }) => service.opening.vault().tab.whereabouts(path),
  keep: async (service, { path }, work) => service.opening.vault().tab.keep(path, (bytes) => work.progress(bytes)),
  setReplicas: async (service, { replicas }) => service.opening.vault().tab.setReplicas(replicas),
  refresh: async (service) => service.opening.vault().tab.refresh(),
  storage: async (service) => service.opening.vault().tab.storage(),
  status: async (service) => service.opening.vault().status(),
  setPassword: async (service, { password, old }) => service.opening.setPassword(password, old),
  lock: async (service) => service.opening.lock(),
};

/** An error that says that it was done before is no error when it is asked a second time. */
function unless(again: boolean, change: () => Promise<void>, isSo: () => Promise<boolean>, code: string): () => Promise<void> {
  if (!again) return change;
  return async () => {
    try {
      await change();
    } catch (error) {
      if ((error as { code?: unknown }).code === code && (await isSo().catch(() => false))) return;
      throw error;
    }
  };
}

/** A name that is no text is written by its bytes. */
function written({ name, id }: RawEntry): string {
  return id === undefined ? name : `\0${id}`;
}

function info(path: string, { name, kind, size, modified, target }: RawEntry): FileInfo {
  return { path, name, kind, size, modified, target };
}
