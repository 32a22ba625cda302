// Which files of a bundle are loaded before the kernel answers initialize, told from esbuild's metafile.

/** The command, and what it loads by import() in wire mode before it can answer. */
export const START_ENTRIES = ["bin/kernel.ts", "bin/run-wire.ts", "src/kernel/main.ts"];

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
