/** Runs one row of the table from its folder to its verdict, with whatever client it is given. */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { processesWithMark } from "../process-scan.js";
import type { CrashClient, CrashClientFactory, CrashEnvelope, CrashHandlers } from "./crash-client.js";
import { CrashFolder } from "./crash-folder.js";
import { effectServer } from "./effect-server.js";
import { type Figures, figuresOf } from "./figures.js";
import { judge } from "./oracle.js";
import { PureModel } from "./pure-model.js";
import type { Scenario } from "./scenarios.js";
import { CLIENT_EFFECTS_FILE, planIn, steerIn, type TurnPlan } from "./turn-plan.js";

/** A turn that takes longer has been lost. */
const RUN_MS = 60_000;
/** Processes of a dead kernel's tools are given this long to be gone. */
const LEFTOVER_MS = 3_000;
const POLL_MS = 20;

export interface RunResult {
  name: string;
  /** The state of a turn that it stands for. */
  state: string;
  seed: number;
  /** [] for a good run. */
  problems: string[];
  /** Failures that happened on purpose, as the marker file says, and kills at random. */
  deaths: number;
  /** From each word of a death to the next event that the host had not seen, ms. */
  recoveryMs: number[];
  tookMs: number;
  figures: Figures;
}

/** Runs it; never rejects. `seed` makes the words, and the time of a random kill. The folder is kept when it went wrong. */
export async function runScenario(
  scenario: Scenario,
  seed: number,
  connect: CrashClientFactory,
): Promise<RunResult & { folder: string | null }> {
  const plan = planIn(`plan ${seed}: ${scenario.steps}`) as TurnPlan;
  const model = new PureModel({ paceMs: scenario.random === true ? 1 : 0 });
  await model.listen();
  const folder = new CrashFolder(plan, { ...model.config(scenario), ...ON_THE_WIRE });
  const host = new RecordingHost(scenario, plan, folder);
  const began = performance.now();
  const problems: string[] = [];
  try {
    await within(RUN_MS, host.run(connect, seed), "the run");
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  await host.close().catch((error: unknown) => problems.push(`close: ${String(error)}`));
  const evidence = { ...host.evidence(model.violations), left: await leftOver(folder.mark) };
  problems.push(...judge(evidence, host.expected()));
  const wanted = scenario.ladder === "all" ? "in_process" : "sidecar";
  if (host.mode !== null && host.mode !== wanted) problems.push(`the last kernel was ${host.mode}, not ${wanted}`);
  const figures = figuresOf(evidence, scenario.expected.outcome === "finished");
  await model.close();
  const { marks } = folder;
  const good = problems.length === 0;
  if (good) folder.remove();
  const { recoveryMs } = host;
  const deaths = marks.length + host.randomKills;
  const tookMs = performance.now() - began;
  const { name, state } = scenario;
  return { name, state, seed, problems, deaths, recoveryMs, tookMs, figures, folder: good ? null : folder.mark };
}

/** The model is asked once: what it does not answer is a fault. The first turn waits for its MCP server on a busy machine too. */
const ON_THE_WIRE = {
  loop_control: { max_retries_per_step: 1 },
  mcp: { client: { loading_wait_ms: 15_000 } },
};

class RecordingHost {
  readonly #scenario: Scenario;
  readonly #plan: TurnPlan;
  readonly #folder: CrashFolder;
  readonly #session = randomUUID();
  readonly #seen: CrashEnvelope[] = [];
  readonly #asked = new Map<string, number>();
  readonly recoveryMs: number[] = [];
  randomKills = 0;
  /** Where the newest kernel runs. */
  mode: string | null = null;
  #client: CrashClient | null = null;
  #diedAt: number | null = null;
  #outcome = "never settled";
  #saidMeanwhile = false;

  constructor(scenario: Scenario, plan: TurnPlan, folder: CrashFolder) {
    this.#scenario = scenario;
    this.#plan = plan;
    this.#folder = folder;
  }

  async run(connect: CrashClientFactory, seed: number): Promise<void> {
    const { failPoints, hooks = [], ladder = "sidecar", mcp = false, stutter = false } = this.#scenario;
    const { configFile, workDir, marker } = this.#folder;
    const points = { KERNEL_FAILPOINT: failPoints, KERNEL_FAILPOINT_MARKER: marker };
    this.#client = await connect({
      session: this.#session,
      workDir,
      args: ["--config-file", configFile, "--work-dir", workDir, ...(mcp ? effectServer(workDir) : [])],
      env: this.#folder.environment(failPoints === "" ? {} : points),
      ladder,
      stutter,
      hooks,
      handlers: this.#handlers(),
    });
    const killed = this.#scenario.random === true ? this.#killSometime(seed) : null;
    this.#outcome = await this.#client.prompt(this.#plan.text).then(
      (status) => status,
      () => "error",
    );
    clearTimeout(killed ?? undefined);
  }

  async close(): Promise<void> {
    await within(RUN_MS, this.#client?.close() ?? Promise.resolve(), "close");
  }

  evidence(violations: readonly string[]) {
    const steered = this.#scenario.meanwhile === "steer" ? steerIn(STEER, this.#plan) : null;
    const plan = steered === null ? this.#plan : { ...this.#plan, steps: [...this.#plan.steps, steered] };
    const { folder, session, seen, outcome, asked } = {
      folder: this.#folder,
      session: this.#session,
      seen: this.#seen,
      outcome: this.#outcome,
      asked: this.#asked,
    };
    return { plan, folder, session, seen, outcome, asked, violations };
  }

  expected() {
    const { failPoints, expected } = this.#scenario;
    return { ...expected, marks: failPoints === "" ? [] : failPoints.split(",") };
  }

  #handlers(): CrashHandlers {
    return {
      onEnvelope: (envelope) => {
        this.#seen.push(envelope);
        if (this.#diedAt !== null) this.recoveryMs.push(performance.now() - this.#diedAt);
        this.#diedAt = null;
      },
      onApproval: async (id) => {
        this.#count("approval", id);
        await this.#meanwhile();
        return { response: "approve" };
      },
      onQuestion: async (id) => {
        this.#count("question", id);
        return {};
      },
      onTool: async (id, args) => {
        this.#count("tool", id);
        appendFileSync(join(this.#folder.workDir, CLIENT_EFFECTS_FILE), `${String(args.effect)}\n`);
        return "done";
      },
      onHook: async (id) => {
        this.#count("hook", id);
        return { action: "allow" };
      },
      onState: ({ to, mode, cause }) => {
        if (to === "ready") this.mode = mode;
        if (cause === null) return;
        this.#diedAt = performance.now();
      },
    };
  }

  /** Once for the turn, however often it is asked. */
  async #meanwhile(): Promise<void> {
    if (this.#saidMeanwhile || this.#scenario.meanwhile === undefined) return;
    this.#saidMeanwhile = true;
    if (this.#scenario.meanwhile === "steer") await this.#client?.steer(STEER);
    else await this.#client?.cancel();
  }

  #killSometime(seed: number): NodeJS.Timeout {
    // Knuth's multiplicative hash: seeds that follow each other give times all over the turn.
    const part = ((seed * 2_654_435_761) % 0x1_0000_0000) / 0x1_0000_0000;
    return setTimeout(() => {
      const pid = this.#client?.pid() ?? null;
      if (pid === null) return;
      try {
        process.kill(pid, "SIGKILL");
        this.randomKills += 1;
      } catch {
        // It had ended just before.
      }
    }, part * TURN_MS);
  }

  #count(kind: string, id: string): void {
    const key = `${kind} ${id}`;
    this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
  }
}

const STEER = "steer 10";
/** About how long a turn of the random kills takes. */
const TURN_MS = 400;

async function leftOver(mark: string): Promise<string[]> {
  const deadline = performance.now() + LEFTOVER_MS;
  for (;;) {
    const left = processesWithMark(mark);
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
