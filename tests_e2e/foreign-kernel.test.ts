/** Kernels of others behind connectKernel and `kernel -p`: they work and are supervised, and their sessions outlive them. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeKernel, runFaultHost } from "./fault-host.js";
import { runHost } from "./host-process.js";
import { jsonLines, onlySession, recordedTypes } from "./session-files.js";
import { createWorkspace } from "./workspace.js";

const SESSION = "7d9c2b60-51f4-4f0e-8a3c-1f6f0e6f2a13";
const VERSIONS = ["1.1", "1.10"];
const PLAIN = { resume: false, exactlyOnce: false, hangDetection: false };
const OURS = { resume: true, exactlyOnce: true, hangDetection: true };
const FOREIGN_TURN = ["TurnBegin", "StepBegin", "HorseBegin", "ContentPart", "ToolCall", "ToolResult", "TurnEnd"];
/** The lines that the fake has written into its context before it dies: the call has no result. */
const DANGLING = ["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"];

const workspaceWithFallback = () => createWorkspace({ scripts: ["text: one", "text: two"] });

describe.each(VERSIONS)("a kernel of Wire %s without extensions", (version) => {
  it("D-101 works: unknown events, ids of its own kind, null fields, an end behind the answer; the guarantees are told", async () => {
    const workspace = workspaceWithFallback();
    const options = { session: SESSION, prompts: ["a", "b"] };
    const seen = await runFaultHost(workspace, { options, env: fakeKernel("foreign-kernel", version, "talks") });
    const turn = {
      types: FOREIGN_TURN,
      text: ["foreign"],
      results: [{ tool_call_id: "f1", return_value: { output: expect.stringContaining("approve, ") } }],
      result: { status: "finished" },
    };
    expect(seen.turns).toMatchObject([turn, turn]);
    expect(seen).toMatchObject({ modes: ["sidecar", "sidecar"], guarantees: [PLAIN, PLAIN], outside: [] });
    expect(onlySession(workspace)).toMatch(new RegExp(`/${SESSION}$`));
  });

  it("D-102 dies in mid-turn: turn_broken, the call unknown, and the fallback goes on with its session files", async () => {
    const workspace = workspaceWithFallback();
    const options = { session: SESSION, prompts: ["a", "b", "c"] };
    const seen = await runFaultHost(workspace, { options, env: fakeKernel("foreign-kernel", version, "dies") });
    expect(seen.turns).toMatchObject([
      {
        types: FOREIGN_TURN,
        results: [{ tool_call_id: "f1", return_value: { is_error: true, extras: { code: "unknown_outcome" } } }],
        error: {
          name: "KernelProcessError",
          code: "turn_broken",
          data: { cause: { kind: "signal", signal: "SIGKILL" } },
        },
      },
      { text: ["one"], result: { status: "finished" } },
      { text: ["two"], result: { status: "finished" } },
    ]);
    expect(seen.modes).toEqual([expect.any(String), "in_process", "in_process"]);
    expect(seen.guarantees.slice(1)).toEqual([OURS, OURS]);
    expect(seen.states.find(({ to }) => to === "restarting")).toMatchObject({
      cause: "signal",
      unknownEffects: ["f1"],
    });
    const folder = onlySession(workspace);
    const context = jsonLines(join(folder, "context.jsonl"));
    expect(context.slice(0, DANGLING.length).map(({ role }) => role)).toEqual(DANGLING);
    expect(context[DANGLING.length]).toMatchObject({ role: "tool", tool_call_id: "f1" });
    const words = context.filter(({ role }) => role === "user").map(({ content }) => content);
    expect(words).toEqual(expect.arrayContaining(["a", "b", "c"]));
    expect(jsonLines(join(folder, "wire.jsonl"))[0]).toMatchObject({ protocol_version: version });
    expect(recordedTypes(folder).slice(0, 5)).toEqual(FOREIGN_TURN.slice(0, 5));
  });
});

it("D-103 one that dies in every turn is started once more, then the fallback has the session", async () => {
  const workspace = workspaceWithFallback();
  const options = { session: SESSION, prompts: ["a", "b", "c"] };
  const seen = await runFaultHost(workspace, { options, env: fakeKernel("foreign-kernel", "1.10", "dies-always") });
  const broken = { error: { code: "turn_broken" } };
  expect(seen.turns).toMatchObject([broken, broken, { text: ["one"], result: { status: "finished" } }]);
  expect(seen.states.map(({ to, mode }) => `${to} ${mode}`)).toEqual([
    "starting sidecar",
    "ready sidecar",
    "restarting sidecar",
    "ready sidecar",
    "restarting sidecar",
    "ready in_process",
    "closed null",
  ]);
});

it("D-104 without a share variable both kernels have the same folder all the same", async () => {
  const workspace = workspaceWithFallback();
  const env = { ...fakeKernel("foreign-kernel", "1.10", "dies"), KIMI_SHARE_DIR: "" };
  const seen = await runFaultHost(workspace, { options: { session: SESSION, prompts: ["a", "b"] }, env });
  expect(seen.turns).toMatchObject([{ error: { code: "turn_broken" } }, { text: ["one"] }]);
  const folder = onlySession({ ...workspace, share: join(workspace.home, ".kernel") });
  expect(readFileSync(join(folder, "context.jsonl"), "utf8")).toContain('"role":"user","content":"b"');
});

it("D-105 a program that is gone when it is to be started again: the session goes on in the fallback", async () => {
  const workspace = workspaceWithFallback();
  const program = join(workspace.home, "program");
  const { KERNEL_BIN: fake } = fakeKernel("foreign-kernel", "1.10", "vanishes");
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' ${fake} "$@"\n`);
  chmodSync(program, 0o755);
  const env = { KERNEL_BIN: program, E2E_PROGRAM: program };
  const seen = await runFaultHost(workspace, { options: { session: SESSION, prompts: ["a", "b"] }, env });
  expect(seen.turns).toMatchObject([{ error: { code: "turn_broken" } }, { text: ["one"] }]);
  expect(seen.modes[1]).toBe("in_process");
});

it("D-108 a session that goes from our kernel to one of others, which dies, and back: every turn is kept", async () => {
  const workspace = workspaceWithFallback();
  const ours = (prompt: string) => ({ options: { session: SESSION, kernel: "in-process", prompts: [prompt] } });
  const finished = { result: { status: "finished" } };
  expect((await runFaultHost(workspace, ours("first"))).turns).toMatchObject([finished]);
  const env = fakeKernel("foreign-kernel", "1.10", "dies-always");
  const theirs = await runFaultHost(workspace, { options: { session: SESSION, prompts: ["second"] }, env });
  expect(theirs.turns).toMatchObject([{ error: { code: "turn_broken" } }]);
  expect((await runFaultHost(workspace, ours("third"))).turns).toMatchObject([finished]);
  const context = jsonLines(join(onlySession(workspace), "context.jsonl"));
  const spoken = context.filter(({ role }) => ["user", "assistant", "tool"].includes(role as string));
  expect(spoken.map(({ role, content, tool_call_id }) => `${role} ${tool_call_id ?? content}`)).toEqual([
    "user first",
    "assistant one",
    "user second",
    "assistant foreign",
    "tool f1",
    "user third",
    "assistant one",
  ]);
});

it.each(VERSIONS)(
  "D-106 kernel -p on a kernel of Wire %s: the answer, exit 0, no word about steps",
  async (version) => {
    const workspace = workspaceWithFallback();
    const env = fakeKernel("foreign-kernel", version, "talks");
    const { code, stdout, stderr } = await runHost(workspace, ["-p", "hi", "--approve", "all"], { env });
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: "foreign" });
    expect(stderr).not.toMatch(/steps|^\s+at /m);
  },
);

it("D-107 kernel -p on one that dies in mid-turn: exit 1, and that a call is unknown, one sentence", async () => {
  const workspace = workspaceWithFallback();
  const env = fakeKernel("foreign-kernel", "1.1", "dies");
  const { code, stderr } = await runHost(workspace, ["-p", "hi", "--approve", "all"], { env });
  expect(code).toBe(1);
  expect(stderr).toContain("A call was cut short, and nobody knows whether it took effect.");
  expect(stderr).toContain("The turn failed: The kernel died, and the turn with it: it cannot be resumed\n");
  expect(stderr).not.toMatch(/^\s+at /m);
});
