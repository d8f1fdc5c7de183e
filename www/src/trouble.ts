// Errors in words: what happened, what it means for the files, what to do now.

import { CachetteError, type ErrorCode } from "cachette";

/** What a person reads when something failed. */
export interface Trouble {
  readonly what: string;
  readonly advice: string;
}

const WORDS: Partial<Record<ErrorCode, Trouble>> = {
  "not-found": { what: "It is not there any more.", advice: "It may have been moved or deleted on another device." },
  exists: { what: "There is something of that name already.", advice: "Choose another name." },
  "into-itself": { what: "A folder cannot go into itself.", advice: "Choose another folder." },
  unavailable: {
    what: "Parts of this are on nodes that do not answer now.",
    advice: "Nothing is lost as long as one of them comes back. The network page shows which.",
  },
  lost: {
    what: "No node and no tab has all parts of this any more.",
    advice: "If another of your devices had a copy, open Cachette there.",
  },
  "not-safe": {
    what: "Too few nodes took it, so it is not safe yet.",
    advice: "What was sent is kept. Try again when more nodes answer.",
  },
  "not-complete": {
    what: "Only parts of this are on this device.",
    advice: "Make room on it, or wait until more nodes answer, and keep it again.",
  },
  damaged: {
    what: "What a node sent was not what was stored, and was refused.",
    advice: "Another copy is tried by itself. If all are damaged, the network page shows where they lie.",
  },
  "newer-release": { what: "This was written by a later release of Cachette.", advice: "Open it with an up to date node or app." },
  "later-release": {
    what: "A later release of Cachette has changed what this browser keeps.",
    advice: "Reload the page, or use the node that serves the later release.",
  },
  "no-right": { what: "This device may not change this vault.", advice: "Use the device that made the vault." },
  "no-key": { what: "This device has no key to that.", advice: "It was written after this device lost its access." },
  "wrong-password": {
    what: "That is not the password of this vault in this browser.",
    advice: "Try again, or restore the vault from its words.",
  },
  "wrong-words": {
    what: "These are not 24 recovery words.",
    advice: "Check the order and the spelling: each word is on the sheet as it must be typed.",
  },
  "wrong-invitation": {
    what: "This is not an invitation that can be used.",
    advice: "Ask for a new one: each opens one vault once, and the text must be whole.",
  },
  "wrong-link": { what: "This link is not whole.", advice: "Ask for it again, and copy all of it." },
  withdrawn: { what: "This link was withdrawn by whoever made it.", advice: "Ask them for another one." },
  vanished: { what: "No node that answered knows this link any more.", advice: "Ask whoever sent it whether it was withdrawn." },
  "no-nodes": { what: "A link leads to nodes, and this vault has none yet.", advice: "Connect a node first, in the settings." },
  unreachable: { what: "No node answered.", advice: "Check that this device is online and that the address is right, then try again." },
  refused: { what: "The node refused the connection of this page.", advice: "Its operator can let this page in with `--allow-origin`." },
  "too-few-nodes": { what: "There are too few nodes for that many copies.", advice: "Connect another node first." },
  "storage-refused": {
    what: "This browser keeps no data for this page.",
    advice: "Leave private browsing, or allow this site to keep data, and reload.",
  },
  "storage-full": {
    what: "This browser has no more room for Cachette.",
    advice: "What is on nodes stays there. Make room on the storage page.",
  },
  "storage-blocked": {
    what: "Another tab with an older Cachette keeps the storage busy.",
    advice: "Close the other tabs of this site and reload this one.",
  },
  interrupted: { what: "The work was cut off.", advice: "Nothing that was safe is lost. Try again." },
  closed: { what: "The vault was closed in this tab.", advice: "Reload the page." },
  locked: { what: "The vault was locked.", advice: "Unlock it to go on." },
  unsupported: { what: "This browser lacks something that Cachette needs.", advice: "Use a browser that is up to date." },
};

/** Says in words what an error means. */
export function trouble(error: unknown): Trouble {
  const words = error instanceof CachetteError ? WORDS[error.code] : undefined;
  if (words) return words;
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof CachetteError ? error.hint : undefined;
  return { what: sentence(message), advice: hint ? sentence(hint) : "Try again; reload the page if it happens again." };
}

/** Says whether somebody gave it up on purpose, which is no trouble. */
export function isCancelled(error: unknown): boolean {
  return (error instanceof CachetteError && error.code === "cancelled") || (error instanceof DOMException && error.name === "AbortError");
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.?]$/.test(trimmed) ? "" : ".");
}
