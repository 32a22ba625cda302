/** F30: damaged session files. The kernel opens and says what was lost, or refuses with a reason; it never crashes. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Message, startKernel } from "./kernel-process.js";
import { until } from "./process-scan.js";
import { shellCall } from "./scripts.js";
import { onlySession } from "./session-files.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const ID = "b1f5d0c4-3c52-4a6e-9b0e-6b1a4a9e7c02";
const STACK_TRACE = /^\s+at .+[:(]\d+|node:internal/m;

interface Places {
  workspace: Workspace;
  folder: string;
  wire: string;
  context: string;
  state: string;
  journal: string;
}

const places = (workspace: Workspace): Places => {
  const folder = onlySession(workspace);
  return {
    workspace,
    folder,
    wire: join(folder, "wire.jsonl"),
    context: join(folder, "context.jsonl"),
    state: join(folder, "state.json"),
    journal: join(workspace.share, "journal", `${ID}.jsonl`),
  };
};

/** `opens`: the prompt works. `reports`: and the loss is said in the turn. `either`: or it is refused with a reason. */
type Expectation = "opens" | "reports" | "refuses" | "either";
type Row = readonly [what: string, damage: (at: Places) => void, expected: Expectation];

const edit = (file: string, change: (bytes: Buffer) => Uint8Array | string) =>
  writeFileSync(file, change(readFileSync(file)));
const editLines = (file: string, change: (lines: string[]) => string[]) =>
  edit(file, (bytes) => `${change(bytes.toString().trimEnd().split("\n")).join("\n")}\n`);
const cut = (file: string, bytes: number) => edit(file, (all) => all.subarray(0, Math.max(0, all.length - bytes)));
const append = (file: string, bytes: Uint8Array | string) =>
  edit(file, (all) => Buffer.concat([all, Buffer.from(bytes)]));
const flipBit = (file: string, at: number) =>
  edit(file, (all) => {
    const position = Math.floor(all.length * at);
    all[position] = (all[position] as number) ^ 0x04;
    return all;
  });
/** The file up to the middle of its last multi-byte character. */
const tearCharacter = (file: string) =>
  edit(file, (all) => {
    let last = all.length - 1;
    while (last > 0 && ((all[last] as number) & 0xc0) !== 0x80) last--;
    return all.subarray(0, last);
  });

const replaceByFolder = (file: string) => {
  rmSync(file);
  mkdirSync(file);
};

/** Runs the rows on copies of one share folder; each damaged session must still serve. */
async function runRows(base: Workspace, rows: readonly Row[]): Promise<void> {
  const kept = `${base.share}-kept`;
  cpSync(base.share, kept, { recursive: true });
  setScripts(base, ["text: still works"]);
  for (const [what, damage, expected] of rows) {
    rmSync(base.share, { recursive: true });
    cpSync(kept, base.share, { recursive: true });
    damage(places(base));
    await expectToServe(base, what, expected);
  }
}

async function expectToServe(workspace: Workspace, what: string, expected: Expectation): Promise<void> {
  const kernel = startKernel(workspace, { args: ["--session", ID] });
  const early = await Promise.race([kernel.call("replay").catch(() => null), kernel.exited]);
  if (early === null || "code" in early) {
    // Refused at the start.
    expect(["refuses", "either"], `${what}: exited\n${kernel.stderr}`).toContain(expected);
    const { code } = await kernel.exited;
    expect([1, 2], what).toContain(code);
    expect(kernel.stderr.trim(), what).not.toBe("");
  } else {
    if (early.error !== undefined) expect(["refuses", "either"], `${what}: replay`).toContain(expected);
    else expect(early.result, `${what}: replay`).toMatchObject({ status: "finished" });
    const turn = await runTurn(kernel, "go on é");
    expectOutcome(what, expected, turn.messages, turn.response);
    expect(await kernel.close(), what).toEqual({ code: 0, signal: null });
  }
  expect(kernel.stderr, what).not.toMatch(STACK_TRACE);
  expect(kernel.noise, what).toEqual([]);
}

function expectOutcome(what: string, expected: Expectation, messages: Message[], response: Message): void {
  if (response.error === undefined) {
    expect(expected, what).not.toBe("refuses");
    expect(response.result, what).toEqual({ status: "finished" });
    expect(text(messages), what).toBe("still works");
    if (expected === "reports") expect(types(messages), what).toContain("Notification");
    return;
  }
  expect(["refuses", "either"], `${what}: ${JSON.stringify(response.error)}`).toContain(expected);
  expect(response.error, what).toMatchObject({ code: -32000, message: expect.stringMatching(/\w+ \w+/) });
  expect((response.error.data as { code?: unknown }).code, what).toEqual(expect.any(String));
}

/** A session of two finished turns, one with a tool, closed in order. */
async function closedSession(): Promise<Workspace> {
  const workspace = createWorkspace({
    scripts: [`text: first é 世界\n${shellCall("t1", "echo one")}`, "text: done", "text: second turn é"],
  });
  const kernel = startKernel(workspace, { args: ["--session", ID, "--yolo"] });
  await runTurn(kernel, "one é");
  await runTurn(kernel, "two é");
  await kernel.close();
  return workspace;
}

/** A session whose kernel was killed while a tool ran in its second turn. */
async function killedSession(): Promise<Workspace> {
  const started = shellCall("t2", "echo up > started; sleep 60");
  const workspace = createWorkspace({ scripts: ["text: first é", `text: half é 世界\n${started}`] });
  const kernel = startKernel(workspace, { args: ["--session", ID, "--yolo"] });
  await runTurn(kernel, "one é");
  kernel.request("prompt", { user_input: "two é" });
  await until("the tool runs", () => existsSync(join(workspace.workDir, "started")));
  kernel.child.kill("SIGKILL");
  await kernel.exit();
  return workspace;
}

const garbage = '\u0000\u0001 not json\n[1,2]\n{}\n{"type":"x"}\n5\n\n';

const published: readonly Row[] = [
  ["wire.jsonl: torn last line", (at) => cut(at.wire, 9), "opens"],
  ["wire.jsonl: torn character", (at) => tearCharacter(at.wire), "opens"],
  ["wire.jsonl: zero-filled tail", (at) => append(at.wire, Buffer.alloc(4096)), "opens"],
  ["wire.jsonl: garbage lines at the end", (at) => append(at.wire, garbage), "opens"],
  [
    "wire.jsonl: garbage lines in the middle",
    (at) => editLines(at.wire, (l) => [...l.slice(0, 3), garbage, ...l.slice(3)]),
    "opens",
  ],
  ["wire.jsonl: bit flip in the middle", (at) => flipBit(at.wire, 0.5), "opens"],
  ["wire.jsonl: no header", (at) => editLines(at.wire, (l) => l.slice(1)), "opens"],
  [
    "wire.jsonl: header of the future",
    (at) => edit(at.wire, (b) => b.toString().replace('"1.10"', '"9.99"')),
    "either",
  ],
  ["wire.jsonl: empty", (at) => writeFileSync(at.wire, ""), "opens"],
  ["wire.jsonl: gone", (at) => rmSync(at.wire), "opens"],
  ["wire.jsonl: a folder", (at) => replaceByFolder(at.wire), "either"],
  ["context.jsonl: torn last line", (at) => cut(at.context, 9), "opens"],
  ["context.jsonl: torn character", (at) => tearCharacter(at.context), "opens"],
  ["context.jsonl: zero-filled tail", (at) => append(at.context, Buffer.alloc(4096)), "opens"],
  [
    "context.jsonl: garbage lines",
    (at) => editLines(at.context, (l) => [...l.slice(0, 3), garbage, ...l.slice(3)]),
    "opens",
  ],
  [
    "context.jsonl: roles that are none",
    (at) => append(at.context, '{"role":"king","content":"x"}\n{"role":5}\n{"content":"x"}\n'),
    "opens",
  ],
  [
    "context.jsonl: wrong shapes",
    (at) => append(at.context, '{"role":"user"}\n{"role":"assistant","content":7,"tool_calls":"x"}\n{"role":"tool"}\n'),
    "opens",
  ],
  ["context.jsonl: no system prompt", (at) => editLines(at.context, (l) => l.slice(1)), "opens"],
  [
    "context.jsonl: a call without its result",
    (at) => editLines(at.context, (l) => l.filter((x) => !x.includes('"role":"tool"'))),
    "opens",
  ],
  [
    "context.jsonl: a result without its call",
    (at) => editLines(at.context, (l) => l.filter((x) => !x.includes("tool_calls"))),
    "opens",
  ],
  ["context.jsonl: __proto__", (at) => append(at.context, '{"__proto__":{"role":"user"},"content":"x"}\n'), "opens"],
  [
    "context.jsonl: too deep",
    (at) => append(at.context, `{"role":"user","content":${"[".repeat(20_000)}${"]".repeat(20_000)}}\n`),
    "opens",
  ],
  ["context.jsonl: empty", (at) => writeFileSync(at.context, ""), "opens"],
  ["context.jsonl: gone", (at) => rmSync(at.context), "opens"],
  ["state.json: broken", (at) => writeFileSync(at.state, "{"), "opens"],
  ["state.json: empty", (at) => writeFileSync(at.state, ""), "opens"],
  [
    "state.json: wrong shapes",
    (at) => writeFileSync(at.state, '{"version":"x","approval":[],"todos":{},"additional_dirs":5,"grants":7}'),
    "opens",
  ],
  ["state.json: a list", (at) => writeFileSync(at.state, "[]"), "opens"],
  ["state.json: not UTF-8", (at) => writeFileSync(at.state, Buffer.from([0xff, 0xfe, 0x7b])), "opens"],
  ["kimi.json: broken", (at) => writeFileSync(join(at.workspace.share, "kimi.json"), "{{{"), "opens"],
  ["kimi.json: a list", (at) => writeFileSync(join(at.workspace.share, "kimi.json"), "[1]"), "opens"],
  [
    "kimi.json: wrong shapes",
    (at) => writeFileSync(join(at.workspace.share, "kimi.json"), '{"work_dirs":[5,null,{"path":7}]}'),
    "opens",
  ],
  [
    "the session folder is empty",
    (at) => {
      for (const file of [at.wire, at.context, at.state]) rmSync(file, { force: true });
    },
    "opens",
  ],
];

const journalRows: readonly Row[] = [
  ["torn last line", (at) => cut(at.journal, 9), "opens"],
  ["torn character", (at) => tearCharacter(at.journal), "opens"],
  ["half a record at the end", (at) => append(at.journal, '{"seq":9999,"crc":"00'), "opens"],
  ["zero-filled tail", (at) => append(at.journal, Buffer.alloc(4096)), "opens"],
  ["bit flip in the middle", (at) => flipBit(at.journal, 0.5), "reports"],
  ["bit flip at the begin", (at) => flipBit(at.journal, 0.02), "opens"],
  ["bit flip at the end", (at) => flipBit(at.journal, 0.99), "opens"],
  ["a record twice", (at) => editLines(at.journal, (l) => [...l, l.at(-1) as string]), "opens"],
  [
    "a record in the middle twice",
    (at) => editLines(at.journal, (l) => [...l.slice(0, 4), l[3] as string, ...l.slice(4)]),
    "opens",
  ],
  [
    "records in another order",
    (at) => editLines(at.journal, (l) => [l[0] as string, ...l.slice(1).reverse()]),
    "opens",
  ],
  ["a record gone", (at) => editLines(at.journal, (l) => l.filter((_, index) => index !== 3)), "reports"],
  ["no header", (at) => editLines(at.journal, (l) => l.slice(1)), "opens"],
  [
    "header of another session",
    (at) => edit(at.journal, (b) => b.toString().replaceAll(ID, "00000000-0000-0000-0000-000000000000")),
    "opens",
  ],
  ["garbage lines", (at) => editLines(at.journal, (l) => [...l.slice(0, 3), garbage, ...l.slice(3)]), "opens"],
  ["only garbage", (at) => writeFileSync(at.journal, garbage), "opens"],
  [
    "a format of the future",
    (at) => edit(at.journal, (b) => b.toString().replace(/"format":\d+/, '"format":999')),
    "refuses",
  ],
  ["empty", (at) => writeFileSync(at.journal, ""), "opens"],
  ["gone", (at) => rmSync(at.journal), "opens"],
  ["a folder", (at) => replaceByFolder(at.journal), "refuses"],
];

describe("damage", () => {
  it("B-120 F30 of the published files of a session that was closed", async () => {
    await runRows(await closedSession(), published);
  }, 60_000);

  it("B-121 F30 of the published files of a session whose kernel was killed", async () => {
    const rows = published.filter(([what]) => /torn|gone|empty|garbage|zero/.test(what));
    await runRows(await killedSession(), rows);
  }, 60_000);

  it("B-122 F30 of the journal of a session whose kernel was killed", async ({ skip }) => {
    const base = await killedSession();
    if (!existsSync(places(base).journal)) return skip("this kernel keeps no journal");
    await runRows(base, journalRows);
  }, 60_000);

  it("B-123 F30 of the journal of a session that was closed", async ({ skip }) => {
    const base = await closedSession();
    if (!existsSync(places(base).journal)) return skip("this kernel keeps no journal");
    const rows = journalRows.map(
      ([what, damage, expected]): Row => [what, damage, expected === "reports" ? "opens" : expected],
    );
    await runRows(base, rows);
  }, 60_000);
});

describe("what is kept", () => {
  it("B-124 F30 a torn tail loses no turn that was finished, and repairing it is stable", async () => {
    const workspace = await closedSession();
    const at = places(workspace);
    for (const file of [at.wire, at.context]) append(file, '{"role":"assistant","content":"half a li');
    setScripts(workspace, ["text: third"]);
    for (const round of [1, 2]) {
      const kernel = startKernel(workspace, { args: ["--session", ID] });
      expect((await runTurn(kernel, `go ${round}`)).response.result).toEqual({ status: "finished" });
      await kernel.close();
    }
    for (const file of [at.wire, at.context]) {
      const lines = readFileSync(file, "utf8").trimEnd().split("\n");
      for (const line of lines) expect(() => JSON.parse(line) as unknown, line).not.toThrow();
    }
    const users = readFileSync(at.context, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { role: string; content: unknown })
      .flatMap(({ role, content }) => (role === "user" ? [content] : []));
    expect(users).toEqual(["one é", "two é", "go 1", "go 2"]);
  });

  it("B-125 F30 the text that was streamed before a kill is in the session afterwards", async () => {
    const workspace = await killedSession();
    setScripts(workspace, ["text: after"]);
    const kernel = startKernel(workspace, { args: ["--session", ID] });
    await runTurn(kernel, "go on");
    await kernel.close();
    const { wire, context } = places(workspace);
    expect(readFileSync(wire, "utf8")).toContain("half é 世界");
    expect(readFileSync(context, "utf8")).toContain("half é 世界");
  });

  it("B-126 a session of another kernel, without a journal, is repaired and goes on", async () => {
    const workspace = await closedSession();
    const at = places(workspace);
    rmSync(join(workspace.share, "journal"), { recursive: true, force: true });
    rmSync(join(workspace.share, "locks"), { recursive: true, force: true });
    const call = { type: "function", id: "open", function: { name: "Shell", arguments: "{}" } };
    append(at.context, `${JSON.stringify({ role: "assistant", content: "x", tool_calls: [call] })}\n`);
    setScripts(workspace, ["text: fine"]);
    const kernel = startKernel(workspace, { args: ["--session", ID] });
    expect((await runTurn(kernel, "go on")).response.result).toEqual({ status: "finished" });
    await kernel.close();
    const lines = readFileSync(at.context, "utf8").trimEnd().split("\n");
    const index = lines.findIndex((line) => line.includes('"id":"open"'));
    expect(JSON.parse(lines[index + 1] as string)).toMatchObject({ role: "tool", tool_call_id: "open" });
  });
});
