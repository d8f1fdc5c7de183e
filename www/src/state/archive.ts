// A folder, or several things, as one ZIP archive: written while it is downloaded, never held whole.

import { makeZip, predictLength } from "client-zip";
import type { FileInfo } from "cachette";

import { SteppedRead } from "./stepped-read.ts";
import type { Content, Library, Pieces } from "./streams.ts";

/** Something in the archive. The names of folders end with a slash. */
interface Entry {
  readonly name: string;
  readonly file: FileInfo;
}

export class Archive implements Content {
  readonly mediaType = "application/zip";
  readonly sandbox = true;
  readonly hasRanges = false;
  readonly name: string;
  readonly size: number;
  /** Paths of what an archive cannot hold, such as symbolic links. */
  readonly leftOut: readonly string[];
  readonly #library: Library;
  readonly #entries: readonly Entry[];

  /** Looks through everything that was chosen. */
  static async of(library: Library, chosen: readonly FileInfo[], name: string): Promise<Archive> {
    const entries: Entry[] = [];
    const leftOut: string[] = [];
    const open = chosen.map((file) => ({ name: portable(file.name), file }));
    for (let next = open.shift(); next; next = open.shift()) {
      const { name, file } = next;
      if (file.kind === "file") entries.push(next);
      else if (file.kind === "folder") {
        entries.push({ name: `${name}/`, file });
        for await (const inside of library.list(file.path)) open.push({ name: `${name}/${portable(inside.name)}`, file: inside });
      } else leftOut.push(file.path);
    }
    return new Archive(library, name, entries, leftOut);
  }

  private constructor(library: Library, name: string, entries: readonly Entry[], leftOut: readonly string[]) {
    this.#library = library;
    this.#entries = entries;
    this.name = `${name}.zip`;
    this.leftOut = leftOut;
    this.size = Number(predictLength(entries.map(({ name, file }) => (file.kind === "file" ? { name, size: file.size } : { name }))));
  }

  /** Reads all of it: an archive is written from its start. */
  read(): Pieces {
    const reader = makeZip(this.#contents()).getReader();
    return { next: async () => (await reader.read()).value, cancel: () => reader.cancel() };
  }

  async *#contents() {
    for (const { name, file } of this.#entries) {
      const lastModified = new Date(file.modified);
      if (file.kind === "file") yield { name, lastModified, size: file.size, input: this.#bytes(file) };
      else yield { name, lastModified };
    }
  }

  /** Reads a file, of which the archive has promised a size already. */
  async *#bytes(file: FileInfo): AsyncGenerator<Uint8Array> {
    const pieces = new SteppedRead(this.#library, file, { start: 0, end: file.size }, true);
    let read = 0;
    try {
      for (let piece = await pieces.next(); piece; piece = await pieces.next()) {
        read += piece.length;
        yield piece;
      }
    } finally {
      await pieces.cancel();
    }
    if (read < file.size) throw new Error(`“${file.name}” became shorter while it was downloaded`);
  }
}

/** A name that is one name to every program: some take a backslash for a slash, and would write elsewhere. */
function portable(name: string): string {
  return name.toWellFormed().replaceAll("\\", "_");
}
