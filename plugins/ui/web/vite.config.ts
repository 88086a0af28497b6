import { defineConfig } from "vite";

import { finish } from "./scripts/finish.js";

export default defineConfig({
  base: "./", // every address is relative: a proxy may put the page below any path
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false }, // it would be inline code
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
    outDir: "../oscbridge_ui/static",
    emptyOutDir: true,
  },
  plugins: [finish()],
  server: { proxy: { "/ui": { target: "http://127.0.0.1:9180", ws: true } } },
});
