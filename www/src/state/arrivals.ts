// Files that come from outside: dropped, chosen or pasted, whole folders with their tree.

import { join } from "../paths.ts";
import type { Chosen } from "./transfers.ts";

/** What somebody brought, by the names at the top: each a file or a folder. */
export interface Arrival {
  readonly name: string;
  readonly isFolder: boolean;
  /** The files in it, and the folders in which nothing is, with paths that begin with the name. */
  files(): AsyncIterable<Found>;
}

interface Found {
  readonly path: string;
  /** None for an empty folder. */
  readonly file: File | undefined;
}

/** Takes what was dropped. Must be called at once: the browser forgets it after the event. */
export function fromDrop(data: DataTransfer): Arrival[] {
  const entries = [...data.items].map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null)).filter((entry) => entry !== null);
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory, files: () => walk(entry, entry.name) }));
}

/** Takes what was chosen in a dialog of the browser: files, or one folder. */
export function fromFiles(files: Iterable<File>): Arrival[] {
  const tops = new Map<string, { file: File; path: string }[]>();
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    const top = path.split("/")[0] ?? path;
    tops.set(top, [...(tops.get(top) ?? []), { file, path }]);
  }
  return [...tops].map(([name, inside]) => ({
    name,
    isFolder: inside.some(({ path }) => path !== name),
    async *files() {
      yield* inside;
    },
  }));
}

/** Takes what was pasted. Pictures from a clipboard all have one name, so they get the time. */
export function fromPaste(data: DataTransfer, now = new Date()): Arrival[] {
  const stamp = `${now.toLocaleDateString("sv")} ${now.toLocaleTimeString("sv").replaceAll(":", ".")}`;
  const named = [...data.files].map((file) =>
    file.name === "image.png" ? new File([file], `Pasted ${stamp}.png`, { type: file.type, lastModified: now.getTime() }) : file,
  );
  return fromFiles(named);
}

/** Hands out the files of arrivals with the paths that they get in a folder; `renamed` gives some of them other names at the top. */
export async function* into(folder: string, arrivals: readonly Arrival[], renamed: ReadonlyMap<string, string>): AsyncGenerator<Chosen> {
  for (const arrival of arrivals) {
    const name = renamed.get(arrival.name) ?? arrival.name;
    for await (const { path, file } of arrival.files()) yield { path: join(folder, name + path.slice(arrival.name.length)), file };
  }
}

async function* walk(entry: FileSystemEntry, path: string): AsyncGenerator<Found> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    yield { path, file };
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let isFirst = true; ; isFirst = false) {
    // Browsers give a hundred at a time, and none when there are no more.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) {
      if (isFirst) yield { path, file: undefined };
      return;
    }
    for (const inside of entries) yield* walk(inside, `${path}/${inside.name}`);
  }
}
