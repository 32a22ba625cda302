// What every bundle of the build has in common.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Packages that find files beside themselves at run time, so they cannot move into a bundle. */
export const external = ["@vscode/ripgrep", "web-tree-sitter"];

export const bundleOptions = {
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

/** An esbuild plugin: what is imported as `filter` says is taken at run time from `path`, as seen from the importer's output. */
export function elsewhere(name, filter, path) {
  return { name, setup: ({ onResolve }) => onResolve({ filter }, () => ({ path, external: true })) };
}
