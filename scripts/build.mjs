// Builds dist/ (what users run): one ESM bundle with lazy chunks, and with --unbundled also build/ (the "source"
// column of the test matrix: every file on its own, as tsc emits it).
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { copyGrammar } from "./copy-grammar.mjs";
import { mergeStart } from "./merge-start.mjs";
import { writeStartCache } from "./start-cache.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Packages that find files beside themselves at run time, so they cannot move into a bundle. */
const external = ["@vscode/ripgrep", "web-tree-sitter"];

/**
 * Bundled apart, with a zod of its own: esbuild keeps all that is used of a file in one place, so what the MCP SDK uses
 * of zod would load with the start of the kernel. Its importers are in `chunks/` too.
 */
const MCP_CLIENT = "@modelcontextprotocol/client";

const bundledApart = {
  name: "bundled-apart",
  setup({ onResolve }) {
    onResolve({ filter: /^@modelcontextprotocol\/client$/ }, () => ({ path: "./mcp-client.js", external: true }));
  },
};

/** Builds the bundle into `outdir`. Gives esbuild's metafile, which is also written there as meta.json. */
export async function buildBundle(outdir = join(root, "dist")) {
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const options = {
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames: false,
    metafile: true,
    logLevel: "warning",
  };
  const result = await build({
    ...options,
    entryPoints: { kernel: "bin/kernel.ts" },
    outdir,
    external,
    plugins: [bundledApart],
    chunkNames: "chunks/[name]-[hash]",
  });
  const client = await build({
    ...options,
    entryPoints: { "mcp-client": MCP_CLIENT },
    outdir: join(outdir, "chunks"),
    chunkNames: "mcp-client-[name]-[hash]",
  });
  Object.assign(result.metafile.outputs, client.metafile.outputs);
  await mergeStart(root, outdir, result.metafile);
  writeFileSync(join(outdir, "meta.json"), JSON.stringify(result.metafile));
  await copyGrammar(join(outdir, "grammar"));
  const noCache = writeStartCache(outdir);
  if (noCache !== null) console.warn(`The kernel will start more slowly: ${noCache}`);
  return result.metafile;
}

export async function buildUnbundled(outdir = join(root, "build")) {
  rmSync(outdir, { recursive: true, force: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", outdir], {
    stdio: "inherit",
  });
  await copyGrammar(join(outdir, "grammar"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildBundle();
  if (process.argv.includes("--unbundled")) await buildUnbundled();
}
