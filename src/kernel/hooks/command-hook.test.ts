import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createProcessGroups } from "../processes/posix-process-groups.js";
import type { ProcessGroups } from "../processes/process-groups.js";
import { runCommandHook } from "./command-hook.js";

let dir: string;
let processes: ProcessGroups;
const never = new AbortController().signal;
const allow = { action: "allow", reason: "" };

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "kernel-hook-")));
  processes = createProcessGroups();
});
afterEach(async () => {
  await processes.close();
  rmSync(dir, { recursive: true, force: true });
});

function run(command: string, input = "{}", signal = never, timeoutMs = 5_000) {
  const place = { processes, env: { PATH: process.env.PATH ?? "" }, cwd: dir };
  return runCommandHook({ kind: "command", command, timeoutMs, blockOnError: false }, input, place, signal);
}

it("gives the whole input on stdin, then its end, in the work dir", async () => {
  const input = JSON.stringify({ text: `${"ü\n".repeat(100_000)}end` });
  expect(await run("cat > in.json; pwd > here", input)).toEqual(allow);
  expect(readFileSync(join(dir, "in.json"), "utf8")).toBe(input);
  expect(readFileSync(join(dir, "here"), "utf8")).toBe(`${dir}\n`);
});

it("does not mind a command that reads nothing of a large input", async () => {
  expect(await run("echo no >&2; exit 2", "x".repeat(1_000_000))).toEqual({ action: "block", reason: "no" });
});

it("a decision is read from stdout", async () => {
  const said = JSON.stringify({ hookSpecificOutput: { permissionDecision: "deny", permissionDecisionReason: "why" } });
  expect(await run(`printf '%s' '${said}'`)).toEqual({ action: "block", reason: "why" });
});

it.each<[string, string, string]>([
  ["that crashes", "kill -SEGV $$", "was killed by SIGSEGV"],
  ["that fails", "exit 7", "failed with exit code 7"],
  ["that does not exist", "/no/such/program", "failed with exit code 127"],
])("one %s is a failure", async (_name, command, problem) => {
  expect(await run(command)).toEqual({ action: "failed", problem });
});

it("garbage without end is dropped and ended at the timeout, with all it started", async () => {
  const before = performance.now();
  expect(await run("echo $$ > pid; yes garbage & yes more", "{}", never, 300)).toEqual({
    action: "failed",
    problem: "timed out after 0.3 s",
  });
  expect(performance.now() - before).toBeLessThan(3_000);
  expect(groupLives(Number(readFileSync(join(dir, "pid"), "utf8")))).toBe(false);
});

it("binary garbage is no decision", async () => {
  expect(await run("head -c 200000 /dev/urandom")).toEqual(allow);
});

it("cancel ends it at once", async () => {
  const cancel = new AbortController();
  const running = run("echo $$ > pid; trap '' TERM; while :; do sleep 1; done", "{}", cancel.signal);
  await expect.poll(() => existsSync(join(dir, "pid")) && readFileSync(join(dir, "pid"), "utf8") !== "").toBe(true);
  const before = performance.now();
  cancel.abort(new Error("cancelled"));
  await expect(running).rejects.toThrow("cancelled");
  expect(performance.now() - before).toBeLessThan(1_000);
  expect(groupLives(Number(readFileSync(join(dir, "pid"), "utf8")))).toBe(false);
});

it("a place that is gone is a failure, not an error", async () => {
  rmSync(dir, { recursive: true });
  expect(await run("true")).toMatchObject({ action: "failed", problem: expect.stringContaining("could not be run") });
});

/** Whether the group has a member that is no zombie. */
function groupLives(pgid: number): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[2]) === pgid && fields[0] !== "Z";
    } catch {
      return false;
    }
  });
}
