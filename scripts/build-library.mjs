// Builds what hosts import: dist/lib (the package's modules and the entry of the in-process kernel's thread) and
// dist/types (their declarations). The files lie flat, so that each finds the thread's entry beside itself.
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { bundleOptions, elsewhere, external, openAiWithoutFetch, root, rpcConnectionOnly } from "./bundle-options.mjs";

/** Sources of the public modules, by the name of the output. */
const PUBLIC = { index: "src/fallback/index.ts", client: "src/client/index.ts" };

/** The MCP client is that of the command: see build.mjs. */
const sharedMcpClient = elsewhere("shared-mcp", /^@modelcontextprotocol\/client$/, "../chunks/mcp-client.js");

/** Bundled CommonJS packages ask for Node's own modules by require, which an ES module does not have. */
const banner = `import{createRequire as $createRequire}from"node:module";const require=$createRequire(import.meta.url);`;

/** Builds lib/ and types/ in `outdir`, whose grammar/ and chunks/mcp-client.js lib/ uses. Gives esbuild's metafile. */
export async function buildLibrary(outdir = join(root, "dist")) {
  for (const folder of ["lib", "types"]) rmSync(join(outdir, folder), { recursive: true, force: true });
  const bundle = build({
    ...bundleOptions,
    entryPoints: { ...PUBLIC, "kernel-worker": "src/fallback/kernel-worker.ts" },
    outdir: join(outdir, "lib"),
    external,
    plugins: [sharedMcpClient, rpcConnectionOnly, openAiWithoutFetch],
    chunkNames: "[name]-[hash]",
    banner: { js: banner },
  });
  const [{ metafile }] = await Promise.all([bundle, declare(join(outdir, "types"))]);
  return metafile;
}

/** Writes the declarations that the public ones need, and no others. */
async function declare(outdir) {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const all = mkdtempSync(join(root, ".cache", "types-"));
  try {
    const require = createRequire(import.meta.url);
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
    const args = ["-p", join(root, "tsconfig.types.json"), "--outDir", all];
    // Errors in types do not stop a build, as they do not stop the bundle; `npm run check` is for those.
    await promisify(execFile)(process.execPath, [tsc, ...args]).catch(() => {});
    const waiting = Object.values(PUBLIC).map((file) => join(all, relative("src", file).replace(/\.ts$/, ".d.ts")));
    const seen = new Set();
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      cpSync(file, join(outdir, relative(all, file)));
      for (const [, path] of readFileSync(file, "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.js"/g)) {
        waiting.push(join(dirname(file), `${path}.d.ts`));
      }
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
  }
}
