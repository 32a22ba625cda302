/**
 * A KERNEL_BIN that is no kernel, or a bad one, through connectKernel and `kernel -p`: a typed error or the fallback, within
 * a stated time and in bounded memory. What behaves badly here is a fake (fake-kernels/).
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeKernel, runFaultHost, type SeenByHost } from "./fault-host.js";
import { runHost } from "./host-process.js";
import { createWorkspace, type Workspace } from "./workspace.js";

/** What a host of Node takes for itself, and room for one line of 100 MiB that is thrown away. */
const FLOOD_MB = 200;
const LONG_LINE_MB = 500;
const MANY_EVENTS_MB = 350;
const HANDSHAKE_MS = 2_000;
/** A gigabyte has to go through a pipe. */
const WRONG_MS = 15_000;

const workspaceWithFallback = () => createWorkspace({ scripts: ["text: fallback", "text: fallback"] });

function file(workspace: Workspace, text: string, mode: number): string {
  const path = join(workspace.home, "program");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

type Bin = (workspace: Workspace) => Record<string, string>;

/** Programs that are plainly none: which error, and the part of its sentence that says why. */
const WRONG: [string, Bin, string, string][] = [
  ["is not there", () => ({ KERNEL_BIN: "/no/such/kernel" }), "not_found", "it is not there"],
  [
    "is a folder",
    ({ home }) => {
      mkdirSync(join(home, "folder"));
      return { KERNEL_BIN: join(home, "folder") };
    },
    "spawn_failed",
    "it is a folder",
  ],
  ["is not executable", (w) => ({ KERNEL_BIN: file(w, "#!/bin/sh\n", 0o644) }), "spawn_failed", "it is not executable"],
  [
    "names an interpreter that is not there",
    (w) => ({ KERNEL_BIN: file(w, "#!/no/such/sh\n", 0o755) }),
    "spawn_failed",
    "the program that its first line names is not there",
  ],
  ["exits 0", (w) => ({ KERNEL_BIN: file(w, "#!/bin/sh\nexit 0\n", 0o755) }), "not_a_kernel", "ended with code 0"],
  [
    "starts a program that is not there",
    (w) => ({ KERNEL_BIN: file(w, "#!/bin/sh\nexec /no/such/kernel\n", 0o755) }),
    "not_a_kernel",
    "ended with code 127",
  ],
  ["prints HTML and stays", () => fakeKernel("no-kernel", "html"), "not_a_kernel", "no JSON-RPC"],
  ["prints HTML and ends", () => fakeKernel("no-kernel", "page"), "not_a_kernel", "no JSON-RPC"],
  ["echoes what it reads", () => fakeKernel("no-kernel", "cat"), "not_a_kernel", "method received: initialize"],
  ["floods a gigabyte of lines", () => fakeKernel("no-kernel", "flood"), "not_a_kernel", "no JSON-RPC"],
  ["floods a gigabyte without a line", () => fakeKernel("no-kernel", "stream"), "not_a_kernel", "no JSON-RPC"],
  ["floods stderr", () => fakeKernel("no-kernel", "complain"), "not_a_kernel", "ended with code 0"],
  ["answers initialize with 101 MiB", () => fakeKernel("bad-kernel", "long-initialize"), "not_a_kernel", "no JSON-RPC"],
  ["refuses initialize", () => fakeKernel("bad-kernel", "refuses-initialize"), "not_a_kernel", "Internal error"],
  ["names no version", () => fakeKernel("bad-kernel", "no-version"), "not_a_kernel", "no protocol version"],
  ["speaks Wire 2.0", () => fakeKernel("bad-kernel", "old-version"), "version_mismatch", "speaks Wire 2.0"],
];

/**
 * Kernels that may be sick only now, and the time for a handshake, which the fallback gets too: short only where it runs
 * out. The last is started six times where nothing else may be, over 18 s.
 */
const SICK: [string, Bin, number][] = [
  ["answers initialize after 60 s", () => fakeKernel("bad-kernel", "late-initialize"), HANDSHAKE_MS],
  ["says nothing", () => fakeKernel("no-kernel", "mute"), HANDSHAKE_MS],
  ["exits 1", (w) => ({ KERNEL_BIN: file(w, "#!/bin/sh\necho no luck >&2\nexit 1\n", 0o755) }), WRONG_MS],
  ["is killed", (w) => ({ KERNEL_BIN: file(w, "#!/bin/sh\nkill -9 $$\n", 0o755) }), WRONG_MS],
];

async function host(bin: Bin, more: Record<string, unknown> = {}, limitMs?: number): Promise<SeenByHost> {
  const workspace = workspaceWithFallback();
  const options = { handshakeMs: HANDSHAKE_MS, ...more };
  return await runFaultHost(workspace, { options, env: bin(workspace), ...(limitMs === undefined ? {} : { limitMs }) });
}

describe("a KERNEL_BIN that", () => {
  it.each(WRONG)("D-001 %s: a typed error, no fallback", async (_what, bin, code, words) => {
    const seen = await host(bin, { handshakeMs: WRONG_MS }, WRONG_MS + 3_000);
    expect(seen.error).toMatchObject({ name: "KernelProcessError", code, message: expect.stringContaining(words) });
    expect(seen.error?.message.length).toBeLessThan(500);
    expect(seen.turns).toEqual([]);
    expect(seen.ms).toBeLessThan(WRONG_MS);
    expect(seen.rssMb).toBeLessThan(FLOOD_MB);
  });

  it.each(SICK)("D-002 %s: the fallback under auto, the cause is told", async (_what, bin, handshakeMs) => {
    const seen = await host(bin, { handshakeMs });
    expect(seen).toMatchObject({
      modes: ["in_process"],
      turns: [{ text: ["fallback"], result: { status: "finished" } }],
    });
    expect(seen.states.map(({ to, cause }) => [to, cause])).toEqual([
      ["starting", undefined],
      ["starting", "start_failed"],
      ["ready", undefined],
      ["closed", undefined],
    ]);
    expect(seen.ms).toBeLessThan(HANDSHAKE_MS + 4_000);
  });

  it.each(SICK.slice(0, 3))("D-003 %s: a typed error where a sidecar was asked for", async (_what, bin) => {
    const seen = await host(bin, { kernel: "sidecar" });
    expect(seen.error).toMatchObject({
      name: "KernelProcessError",
      code: expect.stringMatching(/^(handshake_timeout|exited_early|crashed)$/),
    });
    expect(seen.turns).toEqual([]);
  });

  it.each([
    ["exits 0", (w: Workspace) => ({ KERNEL_BIN: file(w, "#!/bin/sh\nexit 0\n", 0o755) })],
    ["is a folder", (w: Workspace) => ({ KERNEL_BIN: w.home })],
  ])("D-004 %s, and a thread was asked for: nothing of it is started", async (_what, bin) => {
    const seen = await host(bin, { kernel: "in-process" });
    expect(seen).toMatchObject({ modes: ["in_process"], turns: [{ text: ["fallback"] }] });
  });
});

describe("a kernel that, in mid-turn,", () => {
  it("D-010 answers twice, and to unknown ids: the first answer counts", async () => {
    const seen = await host(() => fakeKernel("bad-kernel", "twice"), { prompts: ["a", "b"] });
    const turn = { types: ["TurnBegin", "StepBegin", "ContentPart", "TurnEnd"], result: { status: "finished" } };
    expect(seen.turns).toMatchObject([turn, turn]);
    expect(seen).toMatchObject({ modes: ["sidecar", "sidecar"], outside: [] });
  });

  it("D-011 writes what is no JSON beside what is: it is passed over", async () => {
    const seen = await host(() => fakeKernel("bad-kernel", "chatty"));
    expect(seen).toMatchObject({ modes: ["sidecar"], turns: [{ text: ["once"], result: { status: "finished" } }] });
  });

  it("D-012 answers with neither result nor error: invalid_response", async () => {
    const seen = await host(() => fakeKernel("bad-kernel", "no-result"));
    expect(seen.turns).toMatchObject([{ error: { name: "WireError", code: "invalid_response" } }]);
  });

  it.each([
    ["sends an event of 101 MiB", "long-event", LONG_LINE_MB],
    ["sends an answer of 101 MiB", "long-answer", LONG_LINE_MB],
    ["floods a gigabyte of noise", "flood-in-turn", FLOOD_MB],
  ])(
    "D-013 %s: turn_broken, one more try, then the fallback",
    async (_what, fault, limitMb) => {
      const seen = await host(() => fakeKernel("bad-kernel", fault), { prompts: ["a", "b", "c"] }, 20_000);
      const broken = {
        types: ["TurnBegin", "StepBegin", "TurnEnd"],
        error: { code: "turn_broken", data: { cause: { kind: "bad_output" } } },
      };
      expect(seen.turns).toMatchObject([broken, broken, { text: ["fallback"], result: { status: "finished" } }]);
      expect(seen.modes[2]).toBe("in_process");
      expect(seen.rssMb).toBeLessThan(limitMb);
    },
    25_000,
  );

  it("D-014 sends 512 MiB of events to a host that reads them: all of them, in bounded memory", async () => {
    const seen = await host(() => fakeKernel("bad-kernel", "many-events"), {}, 30_000);
    expect(seen.turns[0]).toMatchObject({ result: { status: "finished" } });
    expect(seen.turns[0]?.types).toHaveLength(512 + 3);
    expect(seen.rssMb).toBeLessThan(MANY_EVENTS_MB);
  }, 35_000);

  it("D-015 speaks before initialize: its events reach the host, and the handshake stands", async () => {
    const seen = await host(() => fakeKernel("bad-kernel", "events-first"));
    expect(seen.outside).toHaveLength(1000);
    expect(seen).toMatchObject({ modes: ["sidecar"], turns: [{ result: { status: "finished" } }] });
  });
});

describe("kernel -p with a KERNEL_BIN that", () => {
  it.each(WRONG)("D-020 %s: exit 1 and one plain sentence", async (_what, bin, _code, words) => {
    const workspace = workspaceWithFallback();
    const { code, stdout, stderr } = await runHost(workspace, ["-p", "hi"], { env: bin(workspace) });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^No kernel could be started: .+\n$/);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("D-021 exits 1: the fallback answers, and stderr says that there was one", async () => {
    const workspace = workspaceWithFallback();
    const env = { KERNEL_BIN: file(workspace, "#!/bin/sh\nexit 1\n", 0o755) };
    const { code, stdout, stderr } = await runHost(workspace, ["-p", "hi"], { env });
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 0, stdout: "fallback" });
    expect(stderr).toBe(
      "The kernel could not be started (exit code 1); trying another.\nThe kernel now runs inside this process.\n",
    );
  });

  it("D-022 answers with 101 MiB in mid-turn: exit 1 and a sentence", async () => {
    const workspace = workspaceWithFallback();
    const { code, stderr } = await runHost(workspace, ["-p", "hi", "--quiet"], {
      env: fakeKernel("bad-kernel", "long-answer"),
    });
    expect(code).toBe(1);
    expect(stderr).toBe("The turn failed: The kernel died, and the turn with it: it cannot be resumed\n");
  });
});
