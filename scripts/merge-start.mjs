// Splitting leaves the start of the kernel in many small files, and Node opens, reads and links each of them before the
// first answer. This puts them into two: `command.js` (every command) and `start.js` (wire mode until initialize is
// answered). The small files stay as doors into them, because lazily loaded chunks import what they share by their names.
import { writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { START_ENTRIES, staticClosure } from "./start-closure.mjs";

/** What every command runs, and what wire mode adds to it before initialize is answered. */
const GROUPS = [
  { name: "command", entries: ["bin/kernel.ts"] },
  { name: "start", entries: START_ENTRIES },
];

/**
 * Rewrites the output of a build with splitting in `outdir`. Takes esbuild's metafile, whose paths are relative to
 * `root`, and changes it to say what the files hold afterwards. The entry itself stays apart: it waits for the whole
 * run, so nothing may wait for it.
 */
export async function mergeStart(root, outdir, { outputs }) {
  const chunks = join(relative(root, outdir), "chunks");
  const doors = new Set();
  for (const { name, entries } of GROUPS) {
    const known = new Set([...doors, ...GROUPS.map((group) => join(chunks, `${group.name}.js`))]);
    const files = staticClosure(outputs, entries).filter((file) => dirname(file) === chunks && !known.has(file));
    const target = join(chunks, `${name}.js`);
    const contents = files.map((file, i) => reExports(outputs[file].exports, i, file)).join("");
    const inputs = Object.assign({}, ...files.map((file) => outputs[file].inputs));
    for (const file of files) doors.add(file);
    const entry = { stdin: { contents, resolveDir: join(root, chunks) } };
    outputs[target] = { ...(await rebuild(root, target, entry, doors)), inputs };
    for (const [i, file] of files.entries()) {
      const text = door(outputs[file].exports, i, target);
      writeFileSync(join(root, file), text);
      const imports = [{ path: target, kind: "import-statement" }];
      outputs[file] = { ...outputs[file], imports, inputs: {}, bytes: text.length };
    }
  }
  // The other files import what they share directly, not through the doors.
  for (const [file, output] of Object.entries(outputs)) {
    if (doors.has(file) || !output.imports.some((edge) => doors.has(edge.path))) continue;
    const { imports, bytes } = await rebuild(root, file, { entryPoints: [file] }, doors);
    outputs[file] = { ...output, imports, bytes };
  }
}

/** Writes `target` from `entry` with the static imports of `inlined` files taken in. Gives its part of a metafile. */
async function rebuild(root, target, entry, inlined) {
  const dir = dirname(target);
  const plugin = {
    name: "inline",
    setup({ onResolve }) {
      onResolve({ filter: /.*/ }, ({ path, kind, resolveDir }) => {
        if (kind === "entry-point") return undefined;
        if (!path.startsWith(".")) return { path, external: true };
        const file = relative(root, join(resolveDir, path));
        if (kind === "import-statement" && inlined.has(file)) return { path: join(root, file) };
        return { path: `./${relative(dir, file)}`, external: true };
      });
    },
  };
  const result = await build({
    ...entry,
    absWorkingDir: root,
    outfile: target,
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    plugins: [plugin],
  });
  const output = result.metafile.outputs[target];
  // Paths of external imports stand there as they are written; those of a first pass begin at the root.
  const imports = output.imports.map((edge) =>
    edge.path.startsWith(".") ? { ...edge, path: join(dir, edge.path) } : edge,
  );
  return { ...output, imports };
}

function reExports(names, i, file) {
  const path = JSON.stringify(`./${basename(file)}`);
  if (names.length === 0) return `import ${path};\n`;
  return `export { ${names.map((name) => `${name} as ${alias(i, name)}`).join(", ")} } from ${path};\n`;
}

function door(names, i, target) {
  const path = JSON.stringify(`./${basename(target)}`);
  if (names.length === 0) return `import ${path};\n`;
  return `export { ${names.map((name) => `${alias(i, name)} as ${name}`).join(", ")} } from ${path};\n`;
}

const alias = (i, name) => `c${i}_${name}`;
