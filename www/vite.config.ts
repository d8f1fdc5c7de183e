// How the app becomes the files that a node embeds: hashed names for what never changes, compressed copies beside what is large.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { constants, gzipSync } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

/** Below this many bytes nothing is won. HTML stays plain, so that everything that speaks HTTP can read it. */
const COMPRESS_FROM = 1024;

export default defineConfig({
  build: {
    outDir: "../target/www-fresh",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { app: "index.html", "service-worker": "src/service-worker.ts" },
      output: {
        // The service worker keeps its name: browsers look for a new one under the old address.
        entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js"),
      },
    },
  },
  worker: { format: "es" },
  plugins: [compress()],
});

/** Writes a compressed copy beside every file that is worth it. */
function compress(): Plugin {
  let folder = "";
  return {
    name: "compress",
    apply: "build",
    configResolved({ root, build }) {
      folder = resolve(root, build.outDir);
    },
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || entry.name.endsWith(".html")) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = await readFile(path);
        if (bytes.length >= COMPRESS_FROM) await writeFile(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}
