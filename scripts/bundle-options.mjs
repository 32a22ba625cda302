// What every bundle of the build has in common.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
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

/**
 * An esbuild plugin: of vscode-jsonrpc only its connection. Its one public door is CommonJS, which no bundler can thin
 * out, and a third of what stands behind it is readers and writers that are not used here. A name that is missing fails
 * the build.
 */
export const rpcConnectionOnly = {
  name: "rpc-connection-only",
  setup({ onResolve, onLoad }) {
    const resolveDir = dirname(createRequire(join(root, "package.json")).resolve("vscode-jsonrpc"));
    onResolve({ filter: /^vscode-jsonrpc$/ }, () => ({ path: "connection", namespace: "rpc" }));
    onLoad({ filter: /.*/, namespace: "rpc" }, () => ({ contents: RPC_DOOR, resolveDir }));
  },
};

const RPC_DOOR = `
export { createMessageConnection } from "./connection.js";
export { Event } from "./events.js";
export { ResponseError } from "./messages.js";
export { default as RAL } from "./ral.js";
`;

/** An esbuild plugin: what is imported as `filter` says is taken at run time from `path`, as seen from the importer's output. */
export function elsewhere(name, filter, path) {
  return { name, setup: ({ onResolve }) => onResolve({ filter }, () => ({ path, external: true })) };
}
