// Paths within a vault: `/` is the root, folders are joined by `/`, nothing ends with one.

/** Joins a folder and a name. */
export function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** Returns the folder that a path lies in. */
export function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** Returns the last name of a path, as it is shown. */
export function title(path: string): string {
  return shown(path.slice(path.lastIndexOf("/") + 1));
}

/** Returns the names on the way to a path. */
function names(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

/** A name as it is shown: what would be invisible, or turn the letters after it round, becomes a sign. */
export function shown(name: string): string {
  return name.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");
}

/** Says what is wrong with a name, if anything is. */
export function nameTrouble(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "A name needs at least one letter.";
  if (name.includes("/")) return "A name cannot contain a slash.";
  return new TextEncoder().encode(name).length > 255 ? "The name is too long." : undefined;
}

/** Returns a name that is not taken: `photo.jpg` becomes `photo (2).jpg`. */
export function freeName(name: string, taken: (name: string) => boolean): string {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let number = 2;
  let free = name;
  while (taken(free)) free = `${stem} (${number++})${ending}`;
  return free;
}

/** Returns the folders on the way to one, the root first. */
export function trail(path: string): { name: string; path: string }[] {
  const steps = [{ name: "All files", path: "/" }];
  for (const name of names(path)) steps.push({ name: shown(name), path: join(steps.at(-1)?.path ?? "/", name) });
  return steps;
}
