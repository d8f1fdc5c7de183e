// What a page and its worker, and that worker and the one that seals for it, say to each other beside calls.

/** What a worker is to be. */
export type Role =
  | { readonly role: "peer"; readonly name: string; readonly service: string; readonly again: boolean }
  | { readonly role: "link"; readonly link: string };

/** What a worker is told. */
export type Order =
  | { readonly order: "begin"; readonly module: WebAssembly.Module; readonly role: Role }
  | { readonly order: "seal"; readonly module: WebAssembly.Module; readonly locks: MessagePort }
  | { readonly order: "close" };

/** What a worker tells its page. */
export type Word =
  | { readonly word: "fatal"; readonly code: string; readonly message: string }
  | { readonly word: "locked" }
  | { readonly word: "closed" };

export function isOrder(message: object): message is Order {
  return "order" in message;
}

export function isWord(message: object): message is Word {
  return "word" in message;
}
