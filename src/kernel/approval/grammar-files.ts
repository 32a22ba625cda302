import { access, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute paths of the two wasm files the command parser needs. */
export interface GrammarFiles {
  /** The runtime of web-tree-sitter; must be of the same version as its JavaScript. */
  runtime: string;
  /** The bash grammar. */
  bash: string;
}

const RUNTIME_NAME = "tree-sitter.wasm";
const BASH_NAME = "tree-sitter-bash.wasm";

async function readable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Finds the wasm files for a kernel whose code lies at `baseUrl` (a file URL: `import.meta.url`, or the URL of
 * `__filename` in a CommonJS bundle). Order: `grammar/` beside that file or in a folder above it, up to the folder
 * that holds a package.json; then the installed packages. null when there are none. Never throws.
 */
export async function grammarFiles(baseUrl: string): Promise<GrammarFiles | null> {
  try {
    return (await besideTheCode(dirname(fileURLToPath(baseUrl)))) ?? (await inPackages(baseUrl));
  } catch {
    return null;
  }
}

// The walk ends at the package root: a `grammar` folder further up belongs to someone else's project.
async function besideTheCode(start: string): Promise<GrammarFiles | null> {
  for (let dir = start; ; dir = dirname(dir)) {
    const files = { runtime: join(dir, "grammar", RUNTIME_NAME), bash: join(dir, "grammar", BASH_NAME) };
    if ((await readable(files.runtime)) && (await readable(files.bash))) return files;
    if (dirname(dir) === dir || (await readable(join(dir, "package.json")))) return null;
  }
}

async function inPackages(baseUrl: string): Promise<GrammarFiles | null> {
  const resolve = createRequire(baseUrl).resolve;
  const files = {
    runtime: resolve(`web-tree-sitter/${RUNTIME_NAME}`),
    bash: resolve(`@vscode/tree-sitter-wasm/wasm/${BASH_NAME}`),
  };
  return (await readable(files.runtime)) && (await readable(files.bash)) ? files : null;
}

/** The bytes of both files. Throws what the file system throws. */
export async function readGrammar(files: GrammarFiles): Promise<{ runtime: Uint8Array; bash: Uint8Array }> {
  const [runtime, bash] = await Promise.all([readFile(files.runtime), readFile(files.bash)]);
  return { runtime, bash };
}
