// What every bundle of the build has in common.
import { readFileSync } from "node:fs";
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

/** Files of the openai package, and the classes of Node's fetch that they name on the way of a request. */
const FETCH_CLASSES = {
  "client.mjs": "FormData",
  "internal/headers.mjs": "Headers",
  "internal/utils/log.mjs": "Headers",
};
const ownHeaders = join(root, "src", "kernel", "providers", "http-headers.ts");
const FETCH_DOOR = `
export { HttpHeaders as Headers } from ${JSON.stringify(ownHeaders)};
/** No body of ours is one. */
export class FormData {}
`;

/**
 * An esbuild plugin: the openai package without Node's fetch, which takes longer to load than all else behind the start.
 * It gets a fetch of ours, and here the classes around it. A file or class that is missing fails the build.
 */
export const openAiWithoutFetch = {
  name: "openai-without-fetch",
  setup({ onResolve, onLoad, onEnd }) {
    const left = new Set(Object.keys(FETCH_CLASSES));
    onResolve({ filter: /^own-fetch-classes$/ }, () => ({ path: "classes", namespace: "fetch" }));
    onLoad({ filter: /.*/, namespace: "fetch" }, () => ({ contents: FETCH_DOOR, loader: "ts", resolveDir: root }));
    onLoad(
      { filter: /[\\/]node_modules[\\/]openai[\\/](client|internal[\\/](headers|utils[\\/]log))\.mjs$/ },
      ({ path }) => {
        const file = path.replaceAll("\\", "/").split("/node_modules/openai/").at(-1);
        const text = readFileSync(path, "utf8");
        const name = FETCH_CLASSES[file];
        if (new RegExp(`(new|instanceof) ${name}\\b`).test(text)) left.delete(file);
        return { contents: `import { ${name} } from "own-fetch-classes";\n${text}` };
      },
    );
    onEnd(() => ({
      errors: [...left].map((file) => ({ text: `${file} of openai has no ${FETCH_CLASSES[file]} now` })),
    }));
  },
};

/** An esbuild plugin: what is imported as `filter` says is taken at run time from `path`, as seen from the importer's output. */
export function elsewhere(name, filter, path) {
  return { name, setup: ({ onResolve }) => onResolve({ filter }, () => ({ path, external: true })) };
}
