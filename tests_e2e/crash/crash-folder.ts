/** Home, share folder, work dir and configuration of one run of the crash tests, without a test runner around it. */
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
import { join } from "node:path";
import {
  CLIENT_EFFECTS_FILE,
  EFFECTS_FILE,
  emptySlots,
  INPUT_FILE,
  MCP_EFFECTS_FILE,
  SLOTS_FILE,
  type TurnPlan,
} from "./turn-plan.js";

const INHERITED = ["PATH", "LANG", "TMPDIR", "SystemRoot"];

export class CrashFolder {
  readonly home: string;
  readonly share: string;
  readonly workDir: string;
  readonly configFile: string;
  readonly marker: string;
  readonly #root: string;

  constructor(plan: TurnPlan, config: Readonly<Record<string, unknown>>) {
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), "kernel-crash-")));
    this.home = join(this.#root, "home");
    this.share = join(this.home, ".kimi");
    this.workDir = join(this.#root, "work");
    this.configFile = join(this.#root, "config.json");
    this.marker = join(this.#root, "marker");
    for (const folder of [this.share, this.workDir]) mkdirSync(folder, { recursive: true });
    writeFileSync(this.configFile, JSON.stringify(config));
    writeFileSync(join(this.workDir, INPUT_FILE), Array.from({ length: 20 }, (_, n) => `line ${n}\n`).join(""));
    writeFileSync(join(this.workDir, SLOTS_FILE), emptySlots(plan));
  }

  /** The environment of every kernel of the run: nothing of the developer's; `E2E_MARK` finds what is left over. */
  environment(extra: Readonly<Record<string, string>>): Record<string, string> {
    const kept = INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const own = { HOME: this.home, USERPROFILE: this.home, KIMI_SHARE_DIR: this.share, E2E_MARK: this.#root };
    return { ...Object.fromEntries(kept), ...own, ...extra };
  }

  /** Value of E2E_MARK. */
  get mark(): string {
    return this.#root;
  }

  get effects(): string {
    const files = [EFFECTS_FILE, CLIENT_EFFECTS_FILE, MCP_EFFECTS_FILE];
    return files.map((file) => this.#read(join(this.workDir, file))).join("");
  }

  get slots(): string {
    return this.#read(join(this.workDir, SLOTS_FILE));
  }

  /** Lines of the marker file. */
  get marks(): string[] {
    return linesOf(this.#read(this.marker));
  }

  journal(session: string): Record<string, unknown>[] {
    return objects(this.#read(join(this.share, "journal", `${session}.jsonl`))).slice(1);
  }

  /** Lines of a session file: wire.jsonl with its header, context.jsonl with the system text. */
  sessionFile(session: string, name: "wire.jsonl" | "context.jsonl"): Record<string, unknown>[] {
    const root = join(this.share, "sessions");
    const groups = existsSync(root) ? readdirSync(root) : [];
    const file = groups.map((group) => join(root, group, session, name)).find((path) => existsSync(path));
    return file === undefined ? [] : objects(this.#read(file));
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  #read(file: string): string {
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function objects(text: string): Record<string, unknown>[] {
  return linesOf(text).map((line) => JSON.parse(line) as Record<string, unknown>);
}
