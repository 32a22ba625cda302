// Builds dist/ (what users run and import): one ESM bundle with lazy chunks and the library beside it, and with
// --unbundled also build/ (the "source" column of the test matrix: every file on its own, as tsc emits it).
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildLibrary } from "./build-library.mjs";
import { bundleOptions, elsewhere, external, openAiWithoutFetch, root, rpcConnectionOnly } from "./bundle-options.mjs";
import { copyGrammar } from "./copy-grammar.mjs";
import { mergeStart } from "./merge-start.mjs";
import { writeStartCache } from "./start-cache.mjs";

/**
 * Bundled apart, with a zod of its own: esbuild keeps all that is used of a file in one place, so what the MCP SDK uses
 * of zod would load with the start of the kernel. Its importers are in `chunks/` too.
 */
const MCP_CLIENT = "@modelcontextprotocol/client";
const mcpApart = elsewhere("mcp-apart", /^@modelcontextprotocol\/client$/, "./mcp-client.js");

/** A command that is a host uses the library, as every host does. To be imported by files in `chunks/`, so lazily. */
const libraryApart = elsewhere("library-apart", /\/src\/fallback\/index\.js$/, "../lib/index.js");

/** Builds the bundle into `outdir`. Gives esbuild's metafile. */
export async function buildBundle(outdir = join(root, "dist")) {
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const result = await build({
    ...bundleOptions,
    entryPoints: { kernel: "bin/kernel.ts" },
    outdir,
    external,
    plugins: [mcpApart, libraryApart, rpcConnectionOnly, openAiWithoutFetch],
    chunkNames: "chunks/[name]-[hash]",
  });
  const client = await build({
    ...bundleOptions,
    entryPoints: { "mcp-client": MCP_CLIENT },
    outdir: join(outdir, "chunks"),
    chunkNames: "mcp-client-[name]-[hash]",
  });
  Object.assign(result.metafile.outputs, client.metafile.outputs);
  await mergeStart(root, outdir, result.metafile);
  await copyGrammar(join(outdir, "grammar"));
  const noCache = await writeStartCache(outdir);
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
  // The first empties dist/ at once, so the second may write into it meanwhile.
  const [metafile] = await Promise.all([buildBundle(), buildLibrary()]);
  // For the figures of bench/; not in dist/, all of which is shipped.
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(join(root, ".cache", "meta.json"), JSON.stringify(metafile));
  if (process.argv.includes("--unbundled")) await buildUnbundled();
}
