// The end of a build: compresses each file, and fails if the page has become too large.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const FIRST_PAINT = 70_000; // bytes, compressed: what index.html names
const EVERYTHING = 350_000; // bytes, compressed

const COMPRESSED = /\.(html|js|css|svg|webmanifest)$/;

/** @param {string} folder @returns {string[]} */
function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
}

/** @param {string} path @returns {number} its size as it is sent */
function compress(path) {
  const data = readFileSync(path);
  if (!COMPRESSED.test(path)) return data.length;
  const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  const brotli = brotliCompressSync(data, options);
  writeFileSync(`${path}.br`, brotli);
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }));
  return brotli.length;
}

/** @returns {import("vite").Plugin} */
export function finish() {
  let folder = "";
  return {
    name: "finish",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, relative(config.root, join(config.root, config.build.outDir)));
      if (config.build.outDir.startsWith("/")) folder = config.build.outDir;
    },
    writeBundle: {
      order: "post",
      handler() {
        const sizes = new Map(files(folder).map((path) => [path, compress(path)]));
        const page = readFileSync(join(folder, "index.html"), "utf8");
        let first = 0;
        let all = 0;
        for (const [path, size] of sizes) {
          all += size;
          const name = relative(folder, path).replaceAll("\\", "/");
          if (name === "index.html" || page.includes(name)) first += size;
        }
        console.log(`first paint ${first} bytes, everything ${all} bytes, compressed`);
        if (first > FIRST_PAINT) throw new Error(`first paint: ${first} bytes, at most ${FIRST_PAINT}`);
        if (all > EVERYTHING) throw new Error(`everything: ${all} bytes, at most ${EVERYTHING}`);
      },
    },
  };
}
