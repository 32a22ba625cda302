// Splitting leaves the start of the kernel in many small files, and Node opens, reads, links and compiles each of them
// before the first answer. This puts all of them into one script, `start.cjs`, which `kernel.js` beside it runs with
// V8's code cache (see start-cache.mjs). The small files stay as doors into it for what is loaded later.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { LATER_SCRIPTS, START_ENTRIES, staticClosure } from "./start-closure.mjs";

/**
 * Rewrites the output of a build with splitting in `outdir`. Takes esbuild's metafile, whose paths are relative to
 * `root`, and changes it to say what the files hold afterwards.
 */
export async function mergeStart(root, outdir, { outputs }) {
  const out = relative(root, outdir);
  const main = join(out, "kernel.js");
  // The command itself comes last: it runs as soon as it is evaluated.
  const scripts = [{ name: "start", parts: [...without(staticClosure(outputs, START_ENTRIES), [main]), main], main }];
  // What a turn runs through: each of these is loaded as a whole, by the first who asks for a part of it.
  for (const [name, entries] of Object.entries(LATER_SCRIPTS)) {
    const taken = scripts.flatMap(({ parts }) => parts);
    const parts = without(staticClosure(outputs, entries(outputs)), taken);
    scripts.push({ name, parts, main: null });
  }
  const homes = new Map();
  for (const { name, parts, main } of scripts) {
    for (const [i, file] of parts.entries()) {
      if (file !== main) homes.set(file, { name, i, exports: outputs[file].exports });
    }
  }
  for (const script of scripts) await mergeScript(root, out, outputs, script, homes);
}

function without(files, others) {
  return files.filter((file) => !others.includes(file));
}

/**
 * Puts `parts` into one script; `main` is the one that runs it, null for a new file that only does that. `homes` tells
 * for each part of any script where it is found.
 */
async function mergeScript(root, out, outputs, { name, parts, main }, homes) {
  const script = join(out, `${name}.cjs`);
  const runnerFile = main ?? join(out, `${name}.js`);
  const contents = parts.map((file, i) => reExports(outputs[file].exports, i, specifier(out, file))).join("");
  const entry = { stdin: { contents, resolveDir: join(root, out) }, format: "cjs" };
  const inputs = Object.assign({}, ...parts.map((file) => outputs[file].inputs));
  const own = main === null ? { define: { "import.meta.url": "$url" } } : {};
  outputs[script] = { ...(await rebuild(root, script, { ...entry, ...own }, new Set(parts))), inputs };
  replaceImports(root, script, outputs, { parts, homes });

  const doors = parts.filter((file) => file !== main);
  const names = parts.flatMap((file, i) => (file === main ? [] : outputs[file].exports.map((one) => alias(i, one))));
  const text = main === null ? laterRunner(name, names) : startRunner(names);
  outputs[runnerFile] = { ...outputs[runnerFile], ...write(root, runnerFile, text, script) };
  for (const [i, file] of parts.entries()) {
    if (file === main) continue;
    const text = door(outputs[file].exports, i, specifier(dirname(file), runnerFile));
    outputs[file] = { ...outputs[file], ...write(root, file, text, runnerFile) };
  }
  // The other files import what they share with the script directly, not through the doors.
  for (const [file, output] of Object.entries(outputs)) {
    const shares = output.imports.some((edge) => edge.kind === "import-statement" && doors.includes(edge.path));
    if (!shares || doors.includes(file)) continue;
    const { imports, bytes } = await rebuild(root, file, { entryPoints: [file], format: "esm" }, new Set(doors));
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
        return { path: specifier(dir, file), external: true };
      });
    },
  };
  const result = await build({
    ...entry,
    absWorkingDir: root,
    outfile: target,
    allowOverwrite: true,
    bundle: true,
    platform: "node",
    target: "node20.19",
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    // A script has no import.meta: nothing of the start may ask for it.
    logOverride: { "empty-import-meta": "error" },
    plugins: [plugin],
  });
  const output = result.metafile.outputs[target];
  // Paths of external imports stand there as they are written; those of a first pass begin at the root.
  const imports = output.imports.map((edge) =>
    edge.path.startsWith(".") ? { ...edge, path: join(dir, edge.path) } : edge,
  );
  return { ...output, imports };
}

/**
 * Code from the cache of Node 20 cannot import(): the module that runs the script does it in its place. What the script
 * would import from itself it takes from its own exports, what lies in another script from that one: each module between
 * them would cost as much as one that holds something.
 */
function replaceImports(root, script, outputs, { parts, homes }) {
  let text = readFileSync(join(root, script), "utf8");
  for (const { path, kind } of outputs[script].imports) {
    if (kind !== "dynamic-import") continue;
    const written = JSON.stringify(path in outputs ? specifier(dirname(script), path) : path);
    text = text.replaceAll(`import(${written})`, instead(path, written));
  }

  function instead(path, written) {
    const home = homes.get(path);
    if (home === undefined) return `$load(${written})`;
    const taken = (from) => home.exports.map((name) => `${name}:${from}.${alias(home.i, name)}`).join();
    if (parts.includes(path)) return `Promise.resolve().then(()=>({${taken("$start.exports")}}))`;
    return `Promise.resolve().then(()=>{const $m=$script("${home.name}");return{${taken("$m")}}})`;
  }
  // The openai package names one in a message.
  if (/\bimport\((?!'node:)/.test(text))
    throw new Error("The start imports something in a way that is not understood here");
  writeFileSync(join(root, script), text);
}

/** Writes a file that only leads to another one. Gives its part of a metafile. */
function write(root, file, text, to) {
  writeFileSync(join(root, file), text);
  return { imports: [{ path: to, kind: "import-statement" }], inputs: {}, bytes: text.length };
}

/**
 * Runs the scripts, each when it is asked for: read at once, because the loader of ES modules waits for the file system
 * five times for each file. A cache that is absent, or of another Node, costs time and nothing else.
 */
function startRunner(names) {
  const runners = { "./kernel.js": "start" };
  for (const name of Object.keys(LATER_SCRIPTS)) runners[`./${name}.js`] = name;
  return `import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
const load = createRequire(import.meta.url);
const scripts = new Map();
const runners = ${JSON.stringify(runners)};
const ask = (id) => (id in runners ? $script(runners[id]) : load(id));
export function $script(name) {
  const known = scripts.get(name);
  if (known !== undefined) return known;
  const filename = fileURLToPath(new URL(name + ".cjs", import.meta.url));
  let cachedData;
  try { cachedData = readFileSync(fileURLToPath(new URL(name + ".cache", import.meta.url))); } catch {}
  const head = "(function(require,$start,$script,$load,$url){const module=$start;";
  const script = new vm.Script(head + readFileSync(filename, "utf8") + "\\n})", { filename, cachedData });
  const start = { exports: {} };
  const url = new URL(name + ".js", import.meta.url).href;
  script.runInThisContext()(ask, start, $script, (specifier) => import(specifier), url);
  scripts.set(name, start.exports);
  return start.exports;
}
export const { ${names.join(", ")} } = $script("start");
`;
}

/** For modules that share something with a script. */
function laterRunner(name, names) {
  return `import { $script } from "./kernel.js";\nexport const { ${names.join(", ")} } = $script("${name}");\n`;
}

function reExports(names, i, from) {
  if (names.length === 0) return `import ${JSON.stringify(from)};\n`;
  return `export { ${names.map((name) => `${name} as ${alias(i, name)}`).join(", ")} } from ${JSON.stringify(from)};\n`;
}

function door(names, i, to) {
  if (names.length === 0) return `import ${JSON.stringify(to)};\n`;
  return `export { ${names.map((name) => `${alias(i, name)} as ${name}`).join(", ")} } from ${JSON.stringify(to)};\n`;
}

function specifier(dir, file) {
  const path = relative(dir, file);
  return path.startsWith(".") ? path : `./${path}`;
}

const alias = (i, name) => `c${i}_${name}`;
