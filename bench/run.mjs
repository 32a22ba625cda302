// npm run bench [-- names...] [--json] [--save] [--check] [--profile DIR]
// Runs all benches, or the named ones, and prints each figure beside its target. Figures are no gate: the exit code is 0
// unless a bench cannot run, or a target is missed with --check.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { targetText } from "./figures.mjs";
import { loadAverage } from "./process-usage.mjs";

const BENCHES = [
  "startup",
  "memory",
  "turn-latency",
  "stream-throughput",
  "replay",
  "recovery",
  "supervised",
  "tokens",
];
const baselineFile = fileURLToPath(new URL("baseline.json", import.meta.url));
const built = fileURLToPath(new URL("../dist/kernel.js", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    profile: { type: "string" },
  },
});

process.exitCode = await main();

async function main() {
  const unknown = positionals.find((name) => !BENCHES.includes(name));
  if (unknown !== undefined) return fail(`No bench named ${unknown}. There are: ${BENCHES.join(", ")}.`);
  if (process.platform !== "linux") return fail("The benches read /proc and run on Linux only.");
  if (!existsSync(built)) return fail("Run npm run build first.");
  const nodeArgs = values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`];
  const names = positionals.length > 0 ? positionals : BENCHES;
  const before = baseline();
  const load = { before: loadAverage(), after: "" };
  const figures = [];
  let broken = 0;
  for (const name of names) {
    try {
      const { run } = await import(`./${name}.mjs`);
      const load = loadAverage();
      const rows = await run({ nodeArgs });
      figures.push(...rows.map((row) => ({ bench: name, load, ...row })));
      if (!values.json) printRows(name, load, rows, before);
    } catch (error) {
      broken++;
      console.error(`${name} could not run: ${error instanceof Error ? error.stack : error}`);
    }
  }
  load.after = loadAverage();
  const report = { machine: machine(), load, figures };
  if (values.json) console.log(JSON.stringify(report, null, 2));
  else console.log(`\n${report.machine}; load ${load.before} before, ${load.after} after`);
  if (values.save) save(report);
  const missed = figures.filter((row) => row.met === false).length;
  return broken > 0 || (values.check && missed > 0) ? 1 : 0;
}

function printRows(name, load, rows, before) {
  console.log(`\n${name} (load ${load})`);
  for (const row of rows) {
    const value = row.value.toLocaleString("en");
    const spread = row.samples > 1 ? `${row.min.toLocaleString("en")} .. ${row.max.toLocaleString("en")}` : "";
    const verdict = row.met === null ? "" : row.met ? "met" : "MISSED";
    const old = before.get(`${name}/${row.name}`);
    const was = old === undefined ? "" : `was ${old.toLocaleString("en")}`;
    const cells = [
      `  ${row.name}`.padEnd(48),
      `${value} ${row.unit}`.padStart(14),
      spread.padStart(20),
      targetText(row.target).padStart(11),
      verdict.padEnd(6),
      was.padEnd(12),
      row.note,
    ];
    console.log(cells.join("  ").trimEnd());
  }
}

/** Value of each figure as it was saved, by "bench/figure". */
function baseline() {
  if (!existsSync(baselineFile)) return new Map();
  const { figures } = JSON.parse(readFileSync(baselineFile, "utf8"));
  return new Map(figures.map((row) => [`${row.bench}/${row.name}`, row.value]));
}

/** Replaces the saved figures of the benches that ran; the others stay, each with the load it was taken under. */
function save(report) {
  const ran = new Set(report.figures.map((row) => row.bench));
  const old = existsSync(baselineFile) ? JSON.parse(readFileSync(baselineFile, "utf8")).figures : [];
  const kept = old.filter((row) => !ran.has(row.bench));
  const order = (row) => BENCHES.indexOf(row.bench);
  const figures = [...kept, ...report.figures].sort((a, b) => order(a) - order(b));
  writeFileSync(baselineFile, `${JSON.stringify({ ...report, figures }, null, 2)}\n`);
}

function machine() {
  const list = cpus();
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${list.length} x ${list[0]?.model ?? "?"}`;
}

function fail(sentence) {
  console.error(sentence);
  return 1;
}
