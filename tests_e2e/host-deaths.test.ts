/** What a user of `kernel -p` and `kernel chat` sees when the kernel behind it is killed, and when the host is. */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { kernelCommand } from "./kernel-process.js";
import { LAST_WORDS, type MortalTurn, mortalTurn, ONE_EFFECT, WORDS } from "./mortal-turn.js";
import { until, untilNoneLeft } from "./process-scan.js";
import { onlySession } from "./session-files.js";

const FIRST_WORDS = WORDS.join("");
const TEXT = `${FIRST_WORDS}\n${LAST_WORDS}\n`;
const KILLED = "The kernel ended (killed by SIGKILL); starting another.\n";
const BACK = "The kernel is back and goes on with the turn.\n";
const INSIDE = "The kernel now runs inside this process and goes on with the turn.\n";
const UNKNOWN = "A call was cut short, and nobody knows whether it took effect. Look before it runs again.\n";
const ASKS_ALL = "From here on it asks before it acts, whatever was allowed before.\n";
const CUT_SHORT = "The last turn was interrupted and has been closed.\n";

const FORMATS = ["text", "json", "stream-json", "wire"] as const;
type Format = (typeof FORMATS)[number];
const PLACES = ["text", "tool"] as const;
type Place = (typeof PLACES)[number];

const dying = (place: Place): Promise<MortalTurn> => mortalTurn(place === "text" ? { cuts: 1 } : { holdsTool: true });
const reached = (turn: MortalTurn, place: Place): Promise<void> => (place === "text" ? turn.heard(1) : turn.acted());
const count = (text: string, part: string): number => text.split(part).length - 1;
const lines = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** What stdout must hold, whatever happened to the kernel. */
function checkOutput(format: Format, stdout: string, place: Place): void {
  const isUnknown = place === "tool";
  if (format === "text") {
    expect(stdout).toBe(TEXT);
    return;
  }
  const all = lines(stdout);
  if (format === "json") {
    const outcome = { status: "finished", text: LAST_WORDS, steps: 2, error: null };
    expect(all).toEqual([expect.objectContaining({ ...outcome, unknown_effects: isUnknown ? ["t1"] : [] })]);
  } else if (format === "stream-json") {
    expect(all.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(all[1]).toMatchObject({ content: FIRST_WORDS, tool_calls: [{ id: "t1" }] });
    expect(JSON.stringify(all[2])).toContain(isUnknown ? "The outcome of this call is unknown" : "successfully");
    expect(all[3]).toMatchObject({ content: LAST_WORDS });
  } else {
    const params = all.map((line) => line.params as { type: string; payload: { text?: string } });
    expect(params.map(({ type }) => type)).toEqual([
      ...["TurnBegin", "StepBegin", ...WORDS.map(() => "ContentPart"), "ToolCall", "StatusUpdate", "ToolResult"],
      ...["StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(params.map(({ payload }) => payload.text ?? "").join("")).toBe(FIRST_WORDS + LAST_WORDS);
    for (const { type, payload, ...more } of params)
      expect([typeof type, typeof payload, more]).toEqual(["string", "object", {}]);
  }
}

describe("kernel -p whose kernel is killed", () => {
  it.each(PLACES.flatMap((place) => FORMATS.map((format) => [place, format] as const)))(
    "G-040 in mid-%s, %s: everything once, exit 0, and stderr says it in plain words",
    async (place, format) => {
      const turn = await dying(place);
      const host = turn.start(["-p", "go", "--yolo", "--output-format", format], { input: "" });
      await reached(turn, place);
      turn.strike();
      expect((await host.exit()).code).toBe(0);
      checkOutput(format, host.stdout, place);
      expect(turn.effect()).toBe(ONE_EFFECT);
      for (const words of [KILLED, BACK]) expect(count(host.stderr, words)).toBe(1);
      expect(count(host.stderr, UNKNOWN)).toBe(place === "tool" ? 1 : 0);
      expect(count(host.stderr, "The kernel is back")).toBe(1);
      await untilNoneLeft(turn.mark);
    },
  );

  it("G-041 --quiet says nothing of it", async () => {
    const turn = await dying("text");
    const host = turn.start(["--quiet", "--yolo", "-p", "go"], { input: "" });
    await turn.heard(1);
    turn.strike();
    expect((await host.exit()).code).toBe(0);
    expect([host.stdout, host.stderr]).toEqual([`${LAST_WORDS}\n`, ""]);
  });

  it("G-042 twice: it goes on inside this process, and --yolo still holds", async () => {
    const turn = await mortalTurn({ cuts: 1, holdsTool: true, hasSecondCall: true });
    const host = turn.start(["-p", "go", "--yolo"], { input: "" });
    await turn.heard(1);
    turn.strike();
    await turn.acted();
    turn.strike();
    expect((await host.exit(15_000)).code).toBe(0);
    expect(host.stdout).toBe(TEXT);
    expect([turn.effect(), turn.effect("second")]).toEqual([ONE_EFFECT, "again\n"]);
    for (const words of [BACK, INSIDE, UNKNOWN]) expect(count(host.stderr, words)).toBe(1);
    expect(count(host.stderr, KILLED)).toBe(2);
    await untilNoneLeft(turn.mark);
  });

  it("G-043 twice at the same place: the turn is ended, exit 1, and nothing claims that it goes on", async () => {
    const turn = await mortalTurn({ cuts: 2 });
    const host = turn.start(["-p", "go", "--yolo"], { input: "" });
    await turn.heard(1);
    turn.strike();
    await turn.heard(2);
    turn.strike();
    expect((await host.exit(15_000)).code).toBe(1);
    expect(host.stdout).toBe("One two \n");
    expect(host.stderr).toContain("The kernel now runs inside this process.\nThe turn failed: The kernel died twice");
  });

  it("G-044 no other to be had: exit 75 and both ways to go on, and the chat goes on with the turn", async () => {
    const turn = await mortalTurn({ cuts: 1 });
    const own = join(turn.workspace.home, "own-kernel");
    writeFileSync(own, `#!/bin/sh\nexec ${kernelCommand().join(" ")} "$@"\n`);
    chmodSync(own, 0o755);
    const args = ["-p", "go", "--yolo", "--kernel", "sidecar", "--output-format", "json"];
    const host = turn.start(args, { input: "", env: { KERNEL_BIN: own } });
    await turn.heard(1);
    rmSync(own);
    turn.strike();
    expect((await host.exit()).code).toBe(75);
    const session = basename(onlySession(turn.workspace));
    expect(lines(host.stdout)).toMatchObject([
      { session_id: session, status: "interrupted", error: { code: "not_found" } },
    ]);
    for (const way of ["kernel chat", "kernel -p PROMPT"]) expect(host.stderr).toContain(`${way} --session ${session}`);
    const chat = turn.start(["chat", "--yolo", "--session", session], { input: "y\n" });
    expect((await chat.exit()).code).toBe(0);
    expect(chat.stdout).toContain(`\n${FIRST_WORDS}\n`);
    expect(chat.stdout).toContain(`\n${LAST_WORDS}\n`);
    expect(turn.effect()).toBe(ONE_EFFECT);
  });
});

describe("where the kernel runs", () => {
  it.each([
    [["--kernel", "in-process"], {}, 0],
    [[], { KERNEL_MODE: "in-process" }, 0],
    [[], {}, 1],
    [[], {}, 0, { runtime: { kernel: "in-process" } }],
    [[], { KERNEL_MODE: "sidecar" }, 1, { runtime: { kernel: "in-process" } }],
    [["--kernel", "sidecar"], { KERNEL_MODE: "in-process" }, 1],
  ] as const)(
    "G-045 %j with %j under -p and chat",
    async (args, env, sidecars, config?: { runtime: { kernel: string } }) => {
      for (const [words, input] of [
        [["-p", "go"], ""],
        [["chat"], "go\n"],
      ] as const) {
        const turn = await mortalTurn({ holdsTool: true, ...(config === undefined ? {} : { config }) });
        const host = turn.start([...words, "--yolo", ...args], { input, env });
        await turn.acted();
        expect(turn.kernels()).toHaveLength(sidecars);
        turn.letGo();
        expect((await host.exit()).code).toBe(0);
        expect(host.stdout).toContain(LAST_WORDS);
      }
    },
  );

  it.each([
    [["-p", "go"], ""],
    [["chat"], "go\n"],
  ])(
    "G-046 %j: KERNEL_BIN is the kernel; a wrong one, and a wrong KERNEL_MODE, are never passed over",
    async (args, input) => {
      const turn = await mortalTurn({});
      const seen = join(turn.workspace.home, "seen");
      const own = join(turn.workspace.home, "own-kernel");
      writeFileSync(own, `#!/bin/sh\necho "$1" > ${seen}\nexec ${kernelCommand().join(" ")} "$@"\n`);
      chmodSync(own, 0o755);
      const run = async (env: Record<string, string>) => {
        const host = turn.start([...args, "--yolo"], { input, env });
        const { code } = await host.exit();
        return { code, stderr: host.stderr };
      };
      expect((await run({ KERNEL_BIN: own })).code).toBe(0);
      expect(existsSync(seen)).toBe(true);
      expect(await run({ KERNEL_BIN: "/no/kernel" })).toEqual({
        code: 1,
        stderr: "No kernel could be started: KERNEL_BIN names /no/kernel, which cannot be started: it is not there.\n",
      });
      expect(await run({ KERNEL_MODE: "elsewhere" })).toEqual({
        code: 2,
        stderr: 'KERNEL_MODE is "elsewhere"; it must be auto, sidecar or in-process.\n',
      });
    },
  );
});

describe("a chat whose kernel is killed", () => {
  it.each(PLACES)("T-030 in mid-%s: everything once, and it says so", async (place) => {
    const turn = await dying(place);
    const host = turn.start(["chat", "--yolo"]);
    host.write("go\n");
    await reached(turn, place);
    turn.strike();
    await host.see(LAST_WORDS);
    host.child.stdin.end();
    expect((await host.exit()).code).toBe(0);
    for (const words of [KILLED, BACK, ...(place === "tool" ? [UNKNOWN] : []), ...WORDS, LAST_WORDS]) {
      expect([words, count(host.stdout, words.trimEnd())]).toEqual([words, 1]);
    }
    expect(turn.effect()).toBe(ONE_EFFECT);
    await untilNoneLeft(turn.mark);
  });

  it("T-031 twice: it goes on inside this process and asks from then on, as it says", async () => {
    const turn = await mortalTurn({ cuts: 1, holdsTool: true, hasSecondCall: true });
    const host = turn.start(["chat", "--yolo"]);
    host.write("go\n");
    await turn.heard(1);
    turn.strike();
    await turn.acted();
    turn.strike();
    await host.see(INSIDE + ASKS_ALL);
    await host.see("Run command `echo again >> second`");
    expect(turn.effect("second")).toBe("");
    host.write("y\n");
    await host.see(LAST_WORDS);
    host.child.stdin.end();
    expect((await host.exit()).code).toBe(0);
    expect(count(host.stdout, ASKS_ALL)).toBe(1);
    expect([turn.effect(), turn.effect("second")]).toEqual([ONE_EFFECT, "again\n"]);
    await untilNoneLeft(turn.mark);
  });

  it("T-032 no other to be had: exit 75 and how to come back", async () => {
    const turn = await mortalTurn({ cuts: 1 });
    const own = join(turn.workspace.home, "own-kernel");
    writeFileSync(own, `#!/bin/sh\nexec ${kernelCommand().join(" ")} "$@"\n`);
    chmodSync(own, 0o755);
    const host = turn.start(["chat", "--yolo", "--kernel", "sidecar"], { env: { KERNEL_BIN: own } });
    host.write("go\n");
    await turn.heard(1);
    rmSync(own);
    turn.strike();
    expect((await host.exit()).code).toBe(75);
    expect(host.stdout).toContain(`The kernel is gone: There is no kernel at ${own}.\n`);
    expect(host.stdout).toContain(`kernel chat --session ${basename(onlySession(turn.workspace))}`);
  });
});

describe("a host that is killed", () => {
  it.each(PLACES)("T-033 in mid-%s: the chat offers to go on with the turn, and does", async (place) => {
    const turn = await dying(place);
    const host = turn.start(["-p", "go", "--yolo"], { input: "" });
    await reached(turn, place);
    await host.kill();
    await untilNoneLeft(turn.mark);
    const chat = turn.start(["chat", "--yolo", "--continue"], { input: "y\n" });
    expect((await chat.exit()).code).toBe(0);
    expect(chat.stdout).toContain("The last turn of this session was cut short. Go on with it? y or n:\n");
    for (const words of [FIRST_WORDS, LAST_WORDS]) expect(count(chat.stdout, words)).toBe(1);
    expect(count(chat.stdout, UNKNOWN)).toBe(place === "tool" ? 1 : 0);
    expect(turn.effect()).toBe(ONE_EFFECT);
  });

  it.each(PLACES)("T-034 in mid-%s: a new prompt ends the turn as it stands, and it is said", async (place) => {
    const turn = await dying(place);
    const host = turn.start(["-p", "go", "--yolo"], { input: "" });
    await reached(turn, place);
    await host.kill();
    await untilNoneLeft(turn.mark);
    const session = basename(onlySession(turn.workspace));
    const again = turn.start(["-p", "What now?", "--yolo", "--session", session], { input: "" });
    expect((await again.exit()).code).toBe(0);
    expect(again.stdout).toBe("You said something else.\n");
    expect(count(again.stderr, CUT_SHORT)).toBe(1);
    expect(count(again.stderr, "✗ An earlier call: The outcome of this call is unknown")).toBe(
      place === "tool" ? 1 : 0,
    );
    // Said once: the turn is over.
    const chat = turn.start(["chat", "--yolo", "--session", session], { input: "And now?\n" });
    expect((await chat.exit()).code).toBe(0);
    expect(chat.stdout).toContain("You said something else.\n");
    expect(chat.stdout).not.toMatch(/cut short|interrupted/);
    expect(turn.effect()).toBe(place === "tool" ? ONE_EFFECT : "");
  });
});

it.each([[["-p", "go"]], [["chat"]]])(
  "T-035 %j: a second Ctrl-C leaves a stopped kernel behind for a moment only",
  async (words) => {
    const turn = await mortalTurn({ holdsTool: true });
    const host = turn.start([...words, "--yolo"]);
    if (words[0] === "chat") host.write("go\n");
    await turn.acted();
    turn.strike("SIGSTOP");
    host.child.kill("SIGINT");
    await until("it says that it stops", () => /Stopping. Ctrl-C again/.test(host.stdout + host.stderr));
    host.child.kill("SIGINT");
    expect((await host.exit(3_000)).code).toBe(130);
    await untilNoneLeft(turn.mark, 10_000);
  },
);
