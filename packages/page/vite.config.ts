import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Builds the page into the folder from which the command line embeds it. Names are fixed, so that a build changes no names in Git. */
export default defineConfig({
  base: "./",
  resolve: { alias: { "stable-storage-client": at("../storage-js/src/index.ts") } },
  build: {
    outDir: process.env.PAGE_OUT ?? at("../../crates/cli/page"),
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    license: { fileName: "licenses.md" },
    rolldownOptions: {
      input: { index: at("index.html"), worker: at("src/worker.ts") },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
