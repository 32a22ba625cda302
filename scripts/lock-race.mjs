/**
 * Several kernels race for one session, round after round: exactly one may write, the others are told why not, can
 * still replay, and one of them takes over when the writer ends or is killed.
 *
 *   node scripts/lock-race.mjs [racers] [rounds] [minutes]
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ANSWER_MS = 20_000;
/** The race is for a session and begins when all are there; what they cost to start must not starve whoever else runs. */
const STARTS_AT_ONCE = 4;
const lanes = Array.from({ length: STARTS_AT_ONCE }, () => Promise.resolve());
let starts = 0;

/**
 * Runs the rounds, `parallel` at a time, and gives the figures; `problems` is empty when every round went as it must.
 * @param {{ command: string[], racers: number, rounds: number, parallel?: number, deadline?: number,
 *   onRound?: (done: number) => void }} options
 */
export async function raceForSessions({ command, racers, rounds, parallel = 1, deadline = Infinity, onRound }) {
  const figures = { rounds: 0, writers: 0, refused: 0, replays: 0, takeovers: 0, problems: [] };
  let next = 0;
  const worker = async () => {
    while (next < rounds && Date.now() < deadline) {
      const round = next++;
      try {
        await runRound(command, racers, round, figures);
      } catch (error) {
        figures.problems.push(`round ${round}: ${error instanceof Error ? error.message : String(error)}`);
      }
      figures.rounds++;
      onRound?.(figures.rounds);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return figures;
}

async function runRound(command, racers, round, figures) {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), "lock-race-")));
  const place = prepare(root);
  const kernels = [];
  try {
    const started = await Promise.allSettled(
      Array.from({ length: racers }, () => startInTurn(command, place, kernels)),
    );
    for (const { status, reason } of started) if (status === "rejected") throw reason;
    const answers = await Promise.all(kernels.map((kernel, n) => kernel.call("prompt", { user_input: `racer ${n}` })));
    const winners = answers.flatMap((answer, n) => (answer.result?.status === "finished" ? [n] : []));
    const refused = answers.filter(({ error }) => error?.code === -32000 && error.data?.code === "session_locked");
    check(winners.length === 1, `${winners.length} writers at once: ${JSON.stringify(answers)}`);
    check(refused.length === racers - 1, `some were not told that the session is locked: ${JSON.stringify(answers)}`);
    figures.writers += winners.length;
    figures.refused += refused.length;
    const winner = kernels[winners[0]];
    const loserIndex = (winners[0] + 1 + (round % (racers - 1))) % racers;
    const loser = kernels[loserIndex];
    const replay = await loser.call("replay");
    check(replay.result?.events === 5, `replay of a refused racer: ${JSON.stringify(replay)}`);
    figures.replays++;
    if (round % 2 === 0) winner.kill();
    else winner.end();
    await winner.exited;
    const after = await loser.call("prompt", { user_input: "taken over" });
    check(after.result?.status === "finished", `nobody could take over: ${JSON.stringify(after)}`);
    figures.takeovers++;
    for (const kernel of kernels) kernel.end();
    await Promise.all(kernels.map((kernel) => kernel.exited));
    checkFiles(place, [`racer ${winners[0]}`, "taken over"]);
  } finally {
    for (const kernel of kernels) kernel.kill();
    await Promise.all(kernels.map((kernel) => kernel.exited));
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

function prepare(root) {
  const place = { root, work: path.join(root, "work"), share: path.join(root, "share"), id: randomUUID() };
  for (const folder of [place.work, place.share]) mkdirSync(folder);
  const scripts = path.join(root, "scripts.json");
  writeFileSync(scripts, JSON.stringify(["text: one", "text: two"]));
  const provider = { type: "_scripted_echo", base_url: "", api_key: "", env: { KIMI_SCRIPTED_ECHO_SCRIPTS: scripts } };
  const config = {
    default_model: "m",
    models: { m: { provider: "p", model: "scripted_echo", max_context_size: 100_000 } },
    providers: { p: provider },
  };
  writeFileSync(path.join(root, "config.json"), JSON.stringify(config));
  return place;
}

/** Puts one more kernel into the list when it is its turn to start; resolves when it answers. */
function startInTurn(command, place, kernels) {
  const lane = starts++ % STARTS_AT_ONCE;
  const start = lanes[lane].then(async () => {
    const kernel = startKernel(command, place);
    kernels.push(kernel);
    await kernel.call("cancel");
  });
  lanes[lane] = start.catch(() => {});
  return start;
}

function startKernel([program, ...head], { root, work, share, id }) {
  const flags = ["--wire", "--config-file", path.join(root, "config.json"), "--work-dir", work, "--session", id];
  const env = { PATH: process.env.PATH ?? "", HOME: root, KIMI_SHARE_DIR: share };
  const child = spawn(program, [...head, ...flags], { cwd: work, env, stdio: ["pipe", "pipe", "pipe"] });
  const waiting = new Map();
  let partial = "";
  let stderr = "";
  let calls = 0;
  let over = false;
  child.stdin.on("error", () => {});
  child.stderr.on("data", (chunk) => {
    stderr = (stderr + chunk).slice(-2_000);
  });
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    const lines = (partial + chunk).split("\n");
    partial = lines.pop();
    for (const message of lines.map((line) => JSON.parse(line))) waiting.get(message.id)?.resolve(message);
  });
  const exited = new Promise((resolve) => {
    const end = () => {
      over = true;
      for (const { reject } of waiting.values()) reject(new Error(`a racer ended early: ${stderr}`));
      resolve();
    };
    child.once("close", end);
    child.once("error", end);
  });
  const call = (method, params) =>
    new Promise((resolve, reject) => {
      const id = `c${calls++}`;
      const timer = setTimeout(() => reject(new Error(`no answer to ${method}: ${stderr}`)), ANSWER_MS);
      const settle = (act) => (value) => {
        clearTimeout(timer);
        waiting.delete(id);
        act(value);
      };
      waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  return { call, exited, end: () => child.stdin.end(), kill: () => over || child.kill("SIGKILL") };
}

/** The published files hold exactly these turns, one after the other; the journal's seq grows by one. */
function checkFiles({ share, id }, inputs) {
  const group = readdirSync(path.join(share, "sessions"))[0] ?? "";
  const folder = path.join(share, "sessions", group, id);
  const messages = lines(path.join(folder, "wire.jsonl")).flatMap(({ message }) => (message ? [message] : []));
  const turn = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];
  const found = messages.map(({ type }) => type).filter((type) => type !== "Notification");
  check(found.join() === [...turn, ...turn].join(), `wire.jsonl holds ${found.join()}`);
  const users = lines(path.join(folder, "context.jsonl")).flatMap(({ role, content }) =>
    role === "user" ? [content] : [],
  );
  check(users.join() === inputs.join(), `context.jsonl holds the inputs ${users.join()}`);
  const journal = path.join(share, "journal", `${id}.jsonl`);
  if (!existsSync(journal)) return;
  const seqs = lines(journal).map(({ seq }) => seq);
  const gap = seqs.findIndex((seq, index) => index > 1 && seq !== seqs[index - 1] + 1);
  check(gap === -1, `seq of the journal is not contiguous: ${seqs.join()}`);
}

function lines(file) {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

function check(isRight, problem) {
  if (!isRight) throw new Error(problem);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [racers = 50, rounds = 200, minutes = 60] = process.argv.slice(2).map(Number);
  const kernel = fileURLToPath(new URL("../bin/kernel.js", import.meta.url));
  const begin = Date.now();
  const figures = await raceForSessions({
    command: [process.execPath, kernel],
    racers,
    rounds,
    deadline: begin + minutes * 60_000,
    onRound: (done) => done % 10 === 0 && console.log(`${done} rounds, ${Math.round((Date.now() - begin) / 1000)} s`),
  });
  const { problems, ...counts } = figures;
  console.log({ racers, ...counts, seconds: Math.round((Date.now() - begin) / 1000) });
  for (const problem of problems) console.log(problem);
  const isWhole = figures.rounds === rounds;
  if (!isWhole) console.log(`Stopped after ${minutes} minutes, before all rounds were run.`);
  process.exitCode = isWhole && problems.length === 0 ? 0 : 1;
}
