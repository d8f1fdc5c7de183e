// The app's drawings: one stroke width, one grid of 20 units, the colour of the text around them.

import { type SVGTemplateResult, html, svg, type TemplateResult } from "lit";

const FOLDER = "M2.5 5.5a1 1 0 0 1 1-1h4l2 2h7a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1z";

const SHAPES = {
  files: svg`<path d="${FOLDER}"/>`,
  network: svg`<circle cx="10" cy="4.5" r="2"/><circle cx="4" cy="15.5" r="2"/><circle cx="16" cy="15.5" r="2"/><path d="m9 6.3-4 7.4m6-7.4 4 7.4M6 15.5h8"/>`,
  links: svg`<path d="M8.5 11.5a3 3 0 0 0 4.3 0l3-3a3 3 0 0 0-4.3-4.3l-.8.8m.8 3.5a3 3 0 0 0-4.3 0l-3 3a3 3 0 0 0 4.3 4.3l.8-.8"/>`,
  storage: svg`<path d="M3 4.5h14v5H3zm0 5h14v6H3zM8.5 7h3m-3 5.5h3"/>`,
  settings: svg`<path d="M3 6h8m4 0h2M3 14h2m4 0h8"/><circle cx="13" cy="6" r="2"/><circle cx="7" cy="14" r="2"/>`,
  folder: svg`<path d="${FOLDER}" fill="currentColor" fill-opacity=".12"/>`,
  file: svg`<path d="M5 2.5h6.5L15.5 7v10.5H5zM11.5 2.5V7h4"/>`,
  picture: svg`<path d="M3 4h14v12H3zm0 10 4-4 3 3 3.5-3.5L17 13"/><circle cx="7" cy="7.5" r="1"/>`,
  video: svg`<path d="M3 4.5h14v11H3zM8.5 7.5v5l4-2.5z"/>`,
  audio: svg`<path d="M7.5 14.5v-9l8-2v9"/><circle cx="5.5" cy="14.5" r="2"/><circle cx="13.5" cy="12.5" r="2"/>`,
  text: svg`<path d="M5 2.5h10v15H5zM7.5 7h5m-5 3h5m-5 3h3"/>`,
  symlink: svg`<path d="M5 2.5h10v15H5zM8 12.5c0-2.5 1.5-3.5 4-3.5m-1.5-2L12.5 9l-2 2"/>`,
  up: svg`<path d="M10 16V4.5M5 9l5-5 5 5"/>`,
  add: svg`<path d="M10 4v12M4 10h12"/>`,
  newFolder: svg`<path d="${FOLDER}M10 9v5m-2.5-2.5h5"/>`,
  search: svg`<circle cx="8.5" cy="8.5" r="5"/><path d="m12.5 12.5 4.5 4.5"/>`,
  close: svg`<path d="m5 5 10 10M15 5 5 15"/>`,
  download: svg`<path d="M10 3.5V13m-4-3.5 4 4 4-4M4 16.5h12"/>`,
  remove: svg`<path d="M4 5.5h12M8 5.5v-2h4v2m-6.5 0 .8 11h7.4l.8-11M8.5 8.5v5m3-5v5"/>`,
  rename: svg`<path d="m4 16 .8-3.5 8.4-8.4a1.2 1.2 0 0 1 1.7 0l1 1a1.2 1.2 0 0 1 0 1.7l-8.4 8.4zM12 5.5 14.5 8"/>`,
  move: svg`<path d="${FOLDER}M7 11.5h6m-2-2 2 2-2 2"/>`,
  copy: svg`<path d="M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7"/>`,
  left: svg`<path d="m12.5 4-6 6 6 6"/>`,
  right: svg`<path d="m7.5 4 6 6-6 6"/>`,
  check: svg`<path d="m4 10.5 4 4 8-9"/>`,
  warning: svg`<path d="M10 3 18 16.5H2zM10 8v4m0 2.2v.1"/>`,
  info: svg`<circle cx="10" cy="10" r="7"/><path d="M10 9v4.5m0-7.2v.1"/>`,
  node: svg`<path d="M4 3.5h12v5H4zm0 8h12v5H4zM6.5 6h.1m-.1 8h.1M9 6h4.5M9 14h4.5"/>`,
  tab: svg`<path d="M2.5 4h15v12h-15zm0 3.5h15M5 5.7h.1"/>`,
  vault: svg`<path d="M3 4.5h14v11H3zm0 5.5h14M8.5 7.2h3m-3 5.5h3"/>`,
  lock: svg`<path d="M4.5 9h11v7.5h-11zM7 9V6.5a3 3 0 0 1 6 0V9"/>`,
  print: svg`<path d="M6 7V3.5h8V7M6 14H3.5V7h13v7H14M6 11.5h8v5H6z"/>`,
  keys: svg`<path d="M2.5 5h15v10h-15zM5.5 8h.1m2.9 0h.1m2.9 0h.1m2.9 0h.1M6.5 12h7"/>`,
  eye: svg`<path d="M2 10s3-5.5 8-5.5 8 5.5 8 5.5-3 5.5-8 5.5S2 10 2 10z"/><circle cx="10" cy="10" r="2.3"/>`,
} satisfies Record<string, SVGTemplateResult>;

export type IconName = keyof typeof SHAPES;

/** A drawing beside words that say the same: it is silent. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">${SHAPES[name]}</svg>`;
}
