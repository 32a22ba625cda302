import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const { resolve } = createRequire(import.meta.url);

/**
 * Copies the wasm files of the command parser and their licences into `destDir` (the build passes `dist/grammar`).
 * Gives the names written. The folder is created; files there are replaced.
 */
export async function copyGrammar(destDir) {
  const runtime = resolve("web-tree-sitter/tree-sitter.wasm");
  const bash = resolve("@vscode/tree-sitter-wasm/wasm/tree-sitter-bash.wasm");
  const files = {
    "tree-sitter.wasm": runtime,
    "tree-sitter-bash.wasm": bash,
    "LICENSE.web-tree-sitter": join(dirname(runtime), "LICENSE"),
    "LICENSE.tree-sitter-wasm": join(dirname(bash), "..", "LICENSE"),
  };
  await mkdir(destDir, { recursive: true });
  await Promise.all(Object.entries(files).map(([name, source]) => copyFile(source, join(destDir, name))));
  return Object.keys(files);
}
