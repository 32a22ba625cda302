/** One host with the product's client, on any rungs of the ladder, over however many kernels: what it saw and when. */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  inProcessLauncher,
  KernelClient,
  type KernelLauncher,
  type KernelMode,
  type KernelStateChange,
  sidecarLauncher,
} from "wire-kernel";
import type { CrashEnvelope } from "./crash-client.js";
import { CrashFolder } from "./crash-folder.js";
import { type ExpectedRow, judge } from "./oracle.js";
import { PureModel, type PureModelOptions } from "./pure-model.js";
import { CLIENT_TOOL, EFFECTS_FILE, planIn, type TurnPlan } from "./turn-plan.js";

export const kernelProgram: readonly [string, string] = [
  process.execPath,
  join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "bin", "kernel.js"),
];

/** Tokens; nothing here is ever too long. */
const WINDOW = 100_000_000;

export interface SupervisedRunOptions {
  /** Steps of the turn, as turn-plan.ts reads them. */
  steps: string;
  /** Default: a sidecar alone. */
  rungs?: readonly KernelMode[];
  /** The sidecar's. Default: the built kernel. */
  command?: readonly [string, ...string[]];
  failPoints?: string;
  hold?: (run: SupervisedRun) => PureModelOptions["hold"];
  /** Called before an approval is answered, once for each; the answer is yes. */
  onApproval?: (run: SupervisedRun) => Promise<void>;
  /** What the client's tool returns. */
  toolOutput?: string;
  /** Takes session and folder of this one, which outlives it. */
  like?: SupervisedRun;
}

export class SupervisedRun {
  readonly session: string;
  readonly plan: TurnPlan;
  readonly folder: CrashFolder;
  readonly model: PureModel;
  readonly seen: CrashEnvelope[] = [];
  readonly asked = new Map<string, number>();
  /** Every kernel that was started, oldest first. */
  readonly kernels: { mode: KernelMode; pid: number | null }[] = [];
  /** `atMs` of Date.now(). */
  readonly states: (KernelStateChange & { atMs: number })[] = [];
  /** Called at every state change. */
  onState: (change: KernelStateChange) => void = () => {};
  readonly #options: SupervisedRunOptions;
  #client: KernelClient | null = null;

  private constructor(options: SupervisedRunOptions, model: PureModel) {
    this.#options = options;
    this.plan = planIn(`plan 3: ${options.steps}`) as TurnPlan;
    this.model = model;
    this.session = options.like?.session ?? randomUUID();
    const models = { pure: { provider: "pure", model: "pure-model", max_context_size: WINDOW } };
    const config = { ...model.config(), models, loop_control: { max_retries_per_step: 1 } };
    this.folder = options.like?.folder ?? new CrashFolder(this.plan, config);
  }

  /** Resolves when the first kernel is ready. The caller closes it. */
  static async start(options: SupervisedRunOptions): Promise<SupervisedRun> {
    let run: SupervisedRun | null = null;
    const model = new PureModel({
      hold: (place) => (run === null ? null : (options.hold?.(run)?.(place) ?? null)),
    });
    await model.listen();
    run = new SupervisedRun(options, model);
    try {
      run.#client = await run.#connect();
    } catch (error) {
      await run.close();
      throw error;
    }
    return run;
  }

  get client(): KernelClient {
    if (this.#client === null) throw new Error("not connected yet");
    return this.#client;
  }

  /** Kinds of the deaths that the client told of. */
  get verdicts(): string[] {
    return this.states.flatMap(({ cause }) => (cause === null ? [] : [cause.kind]));
  }

  /** Process id of the newest kernel. */
  get pid(): number {
    const pid = this.kernels.at(-1)?.pid ?? null;
    if (pid === null) throw new Error("no kernel in a process of its own");
    return pid;
  }

  /** The status of the turn, or the code of its error. */
  async prompt(text = this.plan.text): Promise<string> {
    return await this.client.prompt(text).result.then(
      ({ status }) => status,
      ({ code }: { code: unknown }) => String(code),
    );
  }

  /** Everything that is wrong with a session of one turn that ended so. */
  problems(outcome: string, expected: Partial<ExpectedRow> = {}): string[] {
    const { plan, session, folder, seen, asked, model } = this;
    const run = { plan, session, folder, seen, asked, outcome, violations: model.violations, left: [] };
    return judge(run, { outcome: "finished", unknown: "none", marks: [], ...expected });
  }

  async close(): Promise<void> {
    await this.#client?.close();
    await this.model.close();
    if (this.#options.like === undefined) this.folder.remove();
  }

  async #connect(): Promise<KernelClient> {
    const { configFile, workDir } = this.folder;
    const { rungs = ["sidecar"] } = this.#options;
    const [first, ...rest] = rungs.map((mode) => this.#launcher(mode));
    if (first === undefined) throw new Error("no rungs");
    return await KernelClient.connect({
      launchers: [first, ...rest],
      session: this.session,
      args: ["--config-file", configFile, "--work-dir", workDir],
      client: { name: "supervised-run" },
      tools: [
        {
          name: CLIENT_TOOL,
          description: "Leaves a mark.",
          parameters: { type: "object", properties: { effect: { type: "string" } } },
          run: async ({ id, arguments: given }) => {
            this.#count("tool", id);
            const { effect } = JSON.parse(given ?? "{}") as { effect: string };
            appendFileSync(join(workDir, EFFECTS_FILE), `${effect}\n`);
            const output = this.#options.toolOutput ?? "done";
            return { is_error: false, output, message: "", display: [], extras: null };
          },
        },
      ],
      handlers: {
        onEnvelope: (method, { type, payload }) =>
          void this.seen.push({ method, type, payload: payload as Record<string, unknown> }),
        onApproval: async ({ id }) => {
          this.#count("approval", id);
          await this.#options.onApproval?.(this);
          return { response: "approve" };
        },
        onState: (change) => {
          this.states.push({ ...change, atMs: Date.now() });
          this.onState(change);
        },
      },
    });
  }

  #launcher(mode: KernelMode): KernelLauncher {
    const { workDir: cwd, marker } = this.folder;
    const { failPoints, command = kernelProgram } = this.#options;
    const points = failPoints === undefined ? {} : { KERNEL_FAILPOINT: failPoints, KERNEL_FAILPOINT_MARKER: marker };
    const env = this.folder.environment(points);
    const own = mode === "sidecar" ? sidecarLauncher({ command, cwd, env }) : inProcessLauncher({ cwd, env });
    return {
      mode,
      launch: async (request) => {
        const launched = await own.launch(request);
        this.kernels.push({ mode, pid: launched.pid });
        return launched;
      },
    };
  }

  #count(kind: string, id: string): void {
    const key = `${kind} ${id}`;
    this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
  }
}
