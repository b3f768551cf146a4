import { createHash } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Plugin, defineConfig } from "vite";

const HERE = import.meta.dirname;
const LITERT = resolve(HERE, "node_modules/@litertjs/core");
const EXAMPLES = resolve(HERE, "../examples");
const version = (path: string) => (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;

/** LiteRT.js's wasm files beside the page, so that nothing is fetched from elsewhere; the JSPI build is not used. */
function besideThePage(): Plugin {
  return {
    name: "studio-beside-the-page",
    writeBundle({ dir }) {
      const filter = (path: string) => !path.includes("_jspi_");
      cpSync(resolve(LITERT, "wasm"), resolve(dir!, "wasm"), { recursive: true, filter });
      cpSync(resolve(EXAMPLES, "astronaut.jpg"), resolve(dir!, "samples/astronaut.jpg"));
    },
  };
}

/** Tells the service worker which files there are, and a name for them together. */
function precache(): Plugin {
  return {
    name: "studio-precache",
    generateBundle(_, bundle) {
      const worker = Object.values(bundle).find((file) => file.fileName === "sw.js");
      if (worker?.type !== "chunk") return;
      const samples = ["astronaut", "coffee", "cat"].map((name) => `./samples/${name}.jpg`);
      const files = Object.keys(bundle).filter((name) => !name.endsWith("sw.js"));
      const all = ["./", "./icon.svg", ...files.map((name) => `./${name}`), ...samples];
      const digest = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 12);
      worker.code = worker.code.replace("__PRECACHE__", JSON.stringify(all)).replace("__BUILD__", JSON.stringify(digest));
    },
  };
}

export default defineConfig({
  root: HERE,
  base: "./",
  define: {
    __LITERT_VERSION__: JSON.stringify(version(resolve(LITERT, "package.json"))),
    __STUDIO_VERSION__: JSON.stringify(version(resolve(HERE, "package.json"))),
  },
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: resolve(HERE, "index.html"),
        selftest: resolve(HERE, "selftest.html"),
        sw: resolve(HERE, "src/sw.ts"),
      },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
  },
  // LiteRT.js loads its wasm by importScripts, which a module worker has not.
  worker: { format: "iife" },
  plugins: [besideThePage(), precache()],
});
