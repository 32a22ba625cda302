/**
 * A host that does everything at the wrong time: random operations of one client, over the real kernel, which is killed
 * meanwhile. Takes the seed, prints what went wrong as JSON, and has to end by itself.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KernelClient, type KernelLauncher, sidecarLauncher, type Turn } from "wire-kernel";
import { untilNoneLeft } from "../process-scan.js";
import { CrashFolder } from "./crash-folder.js";
import { PureModel } from "./pure-model.js";
import { CLIENT_TOOL, planIn, stepText, type TurnPlan } from "./turn-plan.js";

const OPERATIONS = 60;
/** Whatever does not settle in this time never will. */
const SETTLE_MS = 8_000;
const PLANS = [
  "text 30",
  "text 10, shell | text 5",
  "text 4, append | text 3, client | text 2",
  "text 3, ask | text 3",
];
const PLACE = process.argv[2] as string;
const SEED = Number(process.argv[3]);

const problems: string[] = [];
const open = new Map<number, string>();
const watched: Promise<unknown>[] = [];
/** What is done. Whatever depends on time throws dice of its own, so that a seed is always the same operations. */
const operations = dice(SEED);
const random = dice(SEED + 1);
let kills = 0;
let pid: number | null = null;
/** Every kernel lived long before it dies: crash loops and quarantine have tests of their own. */
let warp = 0;

process.on("unhandledRejection", (error) => problems.push(`unhandled: ${String(error)}`));
process.on("warning", ({ name, message }) => problems.push(`warning: ${name}: ${message}`));

const first = planIn("plan 0: text 1") as TurnPlan;
const model = new PureModel();
await model.listen();
const folder = new CrashFolder(first, { ...model.config(), loop_control: { max_retries_per_step: 1 } });
const fdsBefore = readdirSync("/proc/self/fd").length;
const asked = new Map<string, number>();
let seen = 0;
let rejections = 0;
let client: KernelClient | null = null;

try {
  await run(await connect());
} catch (error) {
  problems.push(`threw: ${String(error)}`);
}
await untilNoneLeft(folder.mark).catch((error: unknown) => problems.push(String(error)));
judgeEffects();
for (const [key, times] of asked) if (times > 1) problems.push(`the host was asked ${times} times: ${key}`);
await model.close();
const fds = readdirSync("/proc/self/fd").length;
if (fds > fdsBefore + 4) problems.push(`${fds - fdsBefore} descriptors more than before`);
if (problems.length === 0) folder.remove();
process.stdout.write(JSON.stringify({ problems, kills, left: problems.length > 0 ? folder.mark : null }));

async function connect(): Promise<KernelClient> {
  const command = [process.execPath, join(PLACE, "bin", "kernel.js")] as const;
  const sidecar = sidecarLauncher({ command, cwd: folder.workDir, env: folder.environment({}) });
  const launcher: KernelLauncher = {
    mode: "sidecar",
    launch: async (request) => {
      const launched = await sidecar.launch(request);
      const own = launched.pid;
      pid = own;
      void launched.exited.then(() => {
        if (pid === own) pid = null;
      });
      return launched;
    },
  };
  client = await KernelClient.connect(
    {
      launchers: [launcher],
      args: ["--config-file", folder.configFile, "--work-dir", folder.workDir],
      client: { name: "torture" },
      tools: [{ name: CLIENT_TOOL, description: "Does nothing.", parameters: { type: "object" }, run: runTool }],
      handlers: {
        onEvent: () => {
          const cursor = client?.cursor ?? 0;
          if (cursor < seen) problems.push(`the cursor went back from ${seen} to ${cursor}`);
          seen = cursor;
        },
        onApproval: async ({ id }, { signal }) => {
          count(`approval ${id}`);
          const mood = random();
          if (mood < 0.1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          if (mood < 0.2) {
            rejections += 1;
            return { response: "reject" };
          }
          await delay(mood * 40);
          return { response: "approve" };
        },
        onQuestion: async ({ id }) => {
          count(`question ${id}`);
          return {};
        },
      },
    },
    {
      now: () => performance.now() + warp,
      after: (ms, run, background = false) => {
        const timer = setTimeout(run, ms);
        if (background) timer.unref();
        return () => clearTimeout(timer);
      },
      soon: (run) => void setImmediate(run),
      random,
    },
  );
  return client;
}

async function runTool({ id }: { id: string }) {
  count(`tool ${id}`);
  await delay(random() * 40);
  return { is_error: false, output: "done", message: "", display: [], extras: null };
}

async function run(client: KernelClient): Promise<void> {
  let turn: Turn | null = null;
  for (let n = 1; n <= OPERATIONS; n += 1) {
    const dice = operations();
    if (dice < 0.3) {
      turn = prompt(client, n);
    } else if (dice < 0.4) watch(`steer ${n}`, client.steer(`steer ${n}`));
    else if (dice < 0.45) watch(`cancel ${n}`, client.cancel());
    else if (dice < 0.52)
      watch(
        `replay ${n}`,
        client.replay(() => {}),
      );
    else if (dice < 0.58) watch(`plan mode ${n}`, client.setPlanMode(false));
    else if (dice < 0.7) kill();
    else if (dice < 0.84) await Promise.race([turn?.result.catch(() => {}), delay(1_000)]);
    else await delay(random() * 60);
  }
  const closed = [client.close(), client.close()];
  for (const [n, closing] of closed.entries()) watch(`close ${n}`, closing);
  watch("prompt while closing", client.prompt("late").result);
  watch(
    "replay while closing",
    client.replay(() => {}),
  );
  await Promise.race([Promise.all(watched), delay(SETTLE_MS, undefined, { ref: false })]);
  for (const what of open.values()) problems.push(`never settled: ${what}`);
  await Promise.race([Promise.all(closed), delay(SETTLE_MS, undefined, { ref: false })]);
  const late = await Promise.allSettled([client.prompt("x").result, client.steer("x"), client.cancel()]);
  if (late.some(({ status }) => status === "fulfilled")) problems.push("a closed client does something");
}

function prompt(client: KernelClient, n: number): Turn {
  const plan = planIn(`plan ${n}: ${PLANS[n % PLANS.length]}`) as TurnPlan;
  const controller = new AbortController();
  if (random() < 0.15) setTimeout(() => controller.abort(), random() * 100).unref();
  const rejectedBefore = rejections;
  const turn = client.prompt(plan.text, { signal: controller.signal });
  watch(`prompt ${n}`, judgeTurn(turn, plan, rejectedBefore));
  return turn;
}

async function judgeTurn(turn: Turn, plan: TurnPlan, rejectedBefore: number): Promise<void> {
  const types: string[] = [];
  let text = "";
  for await (const { type, payload } of turn) {
    types.push(type);
    const part = payload as { type?: string; text?: string };
    if (type === "ContentPart" && part.type === "text") text += part.text ?? "";
  }
  const end = await turn.result.then(({ status }) => status).catch(({ code }: { code: string }) => code);
  const whole = plan.steps.map(stepText).join("");
  const told = `${plan.text}: ${end}`;
  if (!["finished", "cancelled", "turn_in_progress", "closed"].includes(end)) problems.push(`${told} is no end`);
  if (!whole.startsWith(text) && !text.startsWith(whole)) problems.push(`${told} said ${JSON.stringify(text)}`);
  if (end === "finished" && rejections === rejectedBefore && !text.startsWith(whole)) problems.push(`${told}, cut`);
  const count = (name: string) => types.filter((type) => type === name).length;
  if (end === "finished" && (count("TurnBegin") !== 1 || count("TurnEnd") !== 1 || types.at(-1) !== "TurnEnd")) {
    problems.push(`${told} has the events ${types.join(" ")}`);
  }
}

function watch(what: string, work: Promise<unknown>): void {
  const number = watched.length;
  open.set(number, what);
  const done = (): void => void open.delete(number);
  watched.push(work.then(done, done));
}

function kill(): void {
  if (pid === null) return;
  warp += 700_000;
  process.kill(pid, "SIGKILL");
  kills += 1;
}

function judgeEffects(): void {
  const lines = folder.effects.split("\n").filter((line) => line !== "");
  for (const line of new Set(lines)) {
    const times = lines.filter((one) => one === line).length;
    if (times > 1) problems.push(`${line} took effect ${times} times`);
  }
}

function count(key: string): void {
  asked.set(key, (asked.get(key) ?? 0) + 1);
}

/** Numbers from 0 up to 1 that follow from the seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
