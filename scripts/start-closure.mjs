// Which files of a bundle are loaded before the kernel answers initialize, told from esbuild's metafile.

/** The command, and what it loads by import() in wire mode before it can answer. */
export const START_ENTRIES = ["bin/kernel.ts", "bin/run-wire.ts", "src/kernel/main.ts"];

const TURN = /^src\/kernel\/(tools\/[^/]+|providers\/openai-driver)\.ts$|node_modules\/openai\/index\.mjs$/;

const LOG = /node_modules\/pino\/pino\.js$/;

/**
 * What is loaded behind the start: up to the first call of a model, in two parts, because a kernel can be asked before the
 * second; and what writes the log, at the latest when the kernel ends.
 */
export const LATER_SCRIPTS = {
  runtime: () => ["src/kernel/kernel-runtime.ts", "src/kernel/providers/registry.ts"],
  turn: (outputs) => entriesLike(outputs, TURN),
  log: (outputs) => entriesLike(outputs, LOG),
};

function entriesLike(outputs, pattern) {
  return Object.values(outputs).flatMap(({ entryPoint = "" }) => (pattern.test(entryPoint) ? [entryPoint] : []));
}

/** The output files that load with the outputs of these entry points, themselves included; static imports only. */
export function staticClosure(outputs, entries) {
  const waiting = Object.keys(outputs).filter((file) => entries.includes(outputs[file].entryPoint));
  const seen = new Set();
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const edge of outputs[file].imports) {
      if (edge.kind === "import-statement" && edge.path in outputs) waiting.push(edge.path);
    }
  }
  return [...seen];
}
