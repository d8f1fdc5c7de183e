// What a file is by the ending of its name: how to draw it and how to show it. The content is never guessed at.

import type { FileInfo } from "cachette";

import type { IconName } from "./icons.ts";

/** How the viewer shows something. */
export type Show = "picture" | "video" | "audio" | "text" | "page" | "pdf" | "none";

interface Kind {
  readonly show: Show;
  /** The media type that a browser is told. */
  readonly type: string;
}

const TEXT = "text/plain; charset=utf-8";
const KINDS: Record<string, Kind> = {
  ...same("picture", {
    png: "image/png",
    jpg: "image/jpeg",
    jpeg: "image/jpeg",
    gif: "image/gif",
    webp: "image/webp",
    avif: "image/avif",
  }),
  // Within an <img> neither scripts nor anything from elsewhere runs.
  ...same("picture", { svg: "image/svg+xml", bmp: "image/bmp", ico: "image/x-icon" }),
  ...same("video", {
    mp4: "video/mp4",
    m4v: "video/mp4",
    webm: "video/webm",
    mov: "video/quicktime",
    ogv: "video/ogg",
    mkv: "video/x-matroska",
  }),
  ...same("audio", { mp3: "audio/mpeg", m4a: "audio/mp4", aac: "audio/aac", ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg" }),
  ...same("audio", { wav: "audio/wav", flac: "audio/flac", weba: "audio/webm" }),
  ...same("page", { html: "text/html; charset=utf-8", htm: "text/html; charset=utf-8", xhtml: "application/xhtml+xml" }),
  ...same("pdf", { pdf: "application/pdf" }),
};

const TEXTS =
  "txt text md markdown csv tsv log json jsonl yaml yml toml ini cfg conf xml css js mjs cjs ts tsx jsx rs py rb go c h cc cpp hpp java kt swift sh bash sql tex srt vtt diff patch";
for (const ending of TEXTS.split(" ")) KINDS[ending] = { show: "text", type: TEXT };

const UNKNOWN: Kind = { show: "none", type: "application/octet-stream" };
const ICONS: Record<Show, IconName> = {
  picture: "picture",
  video: "video",
  audio: "audio",
  text: "text",
  page: "text",
  pdf: "text",
  none: "file",
};

/** Returns the kind of a file by its name. */
export function kind(name: string): Kind {
  const ending = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return name.includes(".") ? (KINDS[ending] ?? UNKNOWN) : UNKNOWN;
}

/** Returns what stands before a name in a list. */
export function iconOf(file: FileInfo): IconName {
  if (file.kind === "folder" || file.kind === "mount") return "folder";
  return file.kind === "symlink" ? "symlink" : ICONS[kind(file.name).show];
}

function same(show: Show, types: Record<string, string>): Record<string, Kind> {
  return Object.fromEntries(Object.entries(types).map(([ending, type]) => [ending, { show, type }]));
}
