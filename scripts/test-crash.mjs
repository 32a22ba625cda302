/**
 * Kills kernels in the middle of turns, a thousand times and more, and judges what came of each turn: every state at
 * least --each times, --random times at any moment, --others times each of the other ways to die. Prints the figures that
 * have to be zero.
 *
 *   node scripts/test-crash.mjs [--kills 1000] [--each 50] [--random 200] [--others 2] [--seed 1] [--workers 2]
 *                               [--only name,name] [--json file] [--client tests_e2e/crash/supervised-client.ts]
 *
 * Needs a build. The same seed gives the same runs. Exit code 1 when a run was not good; its folder is kept.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    kills: text("1000"),
    each: text("50"),
    random: text("200"),
    others: text("2"),
    seed: text(String(Date.now() % 1_000_000)),
    workers: text("2"),
    only: text(""),
    json: text(""),
    client: text("tests_e2e/crash/supervised-client.ts"),
  },
});
const seed = Number(values.seed);

if (!existsSync(path.join(root, "dist", "kernel.js"))) throw new Error("Build first: npm run build.");
const worker = await bundleWorker();
console.log(`seed ${seed}, ${values.workers} workers`);
const began = performance.now();
const results = await runAll(worker);
const figures = summary(results);
console.log(table(figures));
for (const { name, seed: at, problems, folder } of results.filter((run) => run.problems.length > 0)) {
  console.log(`BAD ${name}, seed ${at}, ${folder}\n  ${problems.join("\n  ")}`);
}
if (values.json !== "") writeFileSync(values.json, `${JSON.stringify({ figures, results }, null, 1)}\n`);
process.exitCode = figures.bad === 0 && figures.short.length === 0 ? 0 : 1;

/** One file for the workers: rows, host, judge and the client under test. */
async function bundleWorker() {
  const outfile = path.join(root, ".cache", "crash", "worker.mjs");
  mkdirSync(path.dirname(outfile), { recursive: true });
  const client = path.resolve(root, values.client);
  if (!existsSync(client)) throw new Error(`There is no client ${values.client}.`);
  const contents = `import { connectCrashClient } from ${JSON.stringify(client)};
import { serveRows } from ${JSON.stringify(path.join(root, "tests_e2e", "crash", "row-worker.ts"))};
serveRows(connectCrashClient);`;
  await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  return outfile;
}

async function runAll(file) {
  const done = [];
  let jobs = null;
  let total = 0;
  const oneWorker = () =>
    new Promise((resolve, reject) => {
      const child = fork(file, [], { cwd: root, env: { ...process.env, CRASH_ROOT: root } });
      const next = () => {
        const job = jobs?.shift();
        if (job !== undefined) child.send(job);
        else child.disconnect();
      };
      child.on("message", ({ rows, result }) => {
        if (rows !== undefined && jobs === null) {
          jobs = jobsOf(rows);
          total = jobs.length;
        }
        if (result !== undefined) {
          done.push(result);
          if (done.length % 50 === 0) console.log(`${done.length} of ${total}, ${badOf(done)} bad`);
        }
        next();
      });
      child.once("error", reject);
      child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with ${code}`))));
    });
  await Promise.all(Array.from({ length: Number(values.workers) }, oneWorker));
  return done;
}

/** Every row as often as asked, and the states a little more often until all kills are there; in a random order. */
function jobsOf(rows) {
  const only = values.only === "" ? null : values.only.split(",");
  const asked = (list) =>
    list.filter(({ name, state }) => only === null || only.includes(name) || only.includes(state));
  const times = (count, list) =>
    list.length === 0 ? [] : Array.from({ length: count }, (_, n) => list[n % list.length].name);
  const random = times(Number(values.random), asked(rows.random));
  const others = Array(Number(values.others))
    .fill(asked(rows.others))
    .flat()
    .map(({ name }) => name);
  const states = byState(asked(rows.kills));
  const wanted = Number(values.kills) - random.length;
  const each = states.size === 0 ? 0 : Math.max(Number(values.each), Math.ceil(wanted / states.size));
  const all = [...states.values()].flatMap((list) => times(only === null ? each : Number(values.each), list));
  const numbered = [...all, ...random, ...others].map((name, n) => ({ name, seed: seed + n }));
  return shuffled(numbered, seed);
}

function byState(rows) {
  const states = new Map();
  for (const row of rows) states.set(row.state, [...(states.get(row.state) ?? []), row]);
  return states;
}

function shuffled(list, start) {
  let state = start >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

function summary(results) {
  const states = {};
  for (const run of results) {
    states[run.state] ??= { runs: 0, deaths: 0, bad: 0, recoveryMs: [] };
    const state = states[run.state];
    state.runs += 1;
    state.deaths += run.deaths;
    state.bad += run.problems.length > 0 ? 1 : 0;
    state.recoveryMs.push(...run.recoveryMs);
  }
  // A random time may come when the turn is over.
  const counted = Object.keys(states).filter((name) => name !== "random");
  const short = counted.filter((name) => states[name].deaths < Math.min(Number(values.each), states[name].runs));
  for (const state of Object.values(states)) state.recoveryMs = spread(state.recoveryMs);
  return {
    seed,
    runs: results.length,
    deaths: results.reduce((sum, run) => sum + run.deaths, 0),
    bad: badOf(results),
    /** States with fewer deaths than runs. */
    short,
    zero: totals(results),
    rightPercent: (100 * (results.length - badOf(results))) / results.length,
    recoveryMs: spread(results.flatMap((run) => run.recoveryMs)),
    tookS: Math.round((performance.now() - began) / 1000),
    states,
  };
}

/** Sums of what may never be. */
function totals(results) {
  const sums = {};
  for (const { figures } of results) {
    for (const [name, count] of Object.entries(figures)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

function spread(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (part) => (sorted.length === 0 ? null : Math.round(sorted[Math.floor(part * (sorted.length - 1))]));
  return { n: sorted.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

function badOf(results) {
  return results.filter((run) => run.problems.length > 0).length;
}

function table({ states, ...all }) {
  const row = (name, { runs, deaths, bad, recoveryMs: { p50, p95, max } }) =>
    [name.padEnd(20), ...[runs, deaths, bad, p50, p95, max].map((cell) => String(cell ?? "-").padStart(8))].join("");
  const head = [
    "".padEnd(20),
    ...["runs", "deaths", "bad", "p50 ms", "p95 ms", "max ms"].map((c) => c.padStart(8)),
  ].join("");
  const short = all.short.length === 0 ? [] : [`too few deaths: ${all.short.join(", ")}`];
  const rows = Object.keys(states)
    .sort()
    .map((name) => row(name, states[name]));
  const { zero } = all;
  const figures = [
    ["acknowledged events lost", zero.acknowledgedLost],
    ["side effects more than once", zero.effectsTwice],
    ["events twice at the host", zero.hostTwice],
    ["events missing at the host", zero.hostMissing],
    ["characters lost", zero.charactersLost],
    ["characters repeated", zero.charactersRepeated],
    ["processes left", zero.left],
    ["settled by the right row", `${all.rightPercent} %`],
  ].map(([name, value]) => `${name.padEnd(30)}${value}`);
  return [head, ...rows, row("all", all), ...short, ...figures, `${all.tookS} s, seed ${all.seed}`].join("\n");
}
