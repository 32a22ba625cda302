import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../logger.js";
import type { GrantSubject } from "../tools/tool.js";
import { ApprovalGate } from "./approval-gate.js";
import { type CommandParser, createCommandParser } from "./command-parser.js";
import { grammarFiles } from "./grammar-files.js";
import type { Grant, GrantDeps } from "./grants.js";
import type { ApprovalOutcome, ApprovalRequest, PendingApproval } from "./pending-approval.js";
import { SessionGrants } from "./session-grants.js";

let workDir: string;
let parser: CommandParser;
beforeAll(async () => {
  workDir = realpathSync(mkdtempSync(join(tmpdir(), "approval-gate-")));
  parser = await createCommandParser({ grammar: await grammarFiles(import.meta.url) });
});
afterAll(() => {
  parser.close();
  rmSync(workDir, { recursive: true, force: true });
});

interface Asked {
  request: PendingApproval;
  signal: AbortSignal;
  answer(raw: unknown): void;
  fail(error: unknown): void;
}

/** A gate over a fake client: what was asked, recorded and told, in order. */
function setUp(
  options: {
    initial?: Grant[];
    mode?: { yolo: boolean; afk: boolean };
    deps?: Partial<GrantDeps>;
    judgeMs?: number;
  } = {},
) {
  const asked: Asked[] = [];
  const events: string[] = [];
  const names = new Map<string, string>();
  const outcomes = new Map<string, ApprovalOutcome[]>();
  const failing = { record: false, save: false, resolved: false, present: false };
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
  const grants = new SessionGrants({
    places: { workDir, additionalDirs: [], shareDir: join(workDir, "..", "no-share"), configFile: null },
    homeDir: "/nonexistent/home",
    findProgram: async (name) => ({ path: `/bin/${name}`, identity: "1" }),
    parse: async (command) => parser.parse(command),
    initial: options.initial ?? [],
    save: (list) => {
      if (failing.save) throw new Error("disk full");
      events.push(`save ${list.length}`);
    },
    logger,
    ...(options.judgeMs === undefined ? {} : { judgeMs: options.judgeMs }),
    ...options.deps,
  });
  const gate = new ApprovalGate({
    present: (request, signal) => {
      if (failing.present) throw new Error("no connection");
      events.push(`ask ${request.toolCallId}`);
      names.set(request.id, request.toolCallId);
      return new Promise((resolve, reject) => asked.push({ request, signal, answer: resolve, fail: reject }));
    },
    recordAnswer: (request, raw, outcome) => {
      if (failing.record) throw new Error("disk full");
      events.push(`record ${request.toolCallId} ${outcome.response}${raw === undefined ? "" : " raw"}`);
    },
    resolved: (request, outcome) => {
      if (failing.resolved) throw new Error("no connection");
      events.push(`resolved ${request.toolCallId} ${outcome.response}`);
      outcomes.set(request.id, [...(outcomes.get(request.id) ?? []), outcome]);
    },
    grants,
    mode: options.mode ?? { yolo: false, afk: false },
    logger,
  });
  const request = (
    toolCallId: string,
    subject: GrantSubject | string,
    more: Partial<ApprovalRequest> = {},
  ): ApprovalRequest => ({
    toolCallId,
    sender: "Shell",
    sourceKind: "foreground_turn",
    sourceId: "turn",
    agentId: null,
    subagentType: null,
    ask: {
      action: "run command",
      description: "x",
      display: [],
      subject:
        typeof subject === "string" ? { kind: "command", command: subject, cwd: workDir, background: false } : subject,
    },
    ...more,
  });
  const open = (
    toolCallId: string,
    subject: GrantSubject | string,
    signal = new AbortController().signal,
    more: Partial<ApprovalRequest> = {},
  ) => gate.open(request(toolCallId, subject, more), signal);
  const askedFor = (toolCallId: string) =>
    vi.waitUntil(() => asked.find((each) => each.request.toolCallId === toolCallId), { timeout: 5_000, interval: 1 });
  return { gate, grants, asked, askedFor, events, outcomes, names, failing, warnings, open };
}

const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
function yes(asked: Asked, response = "approve", more: object = {}): void {
  asked.answer({ request_id: asked.request.id, response, ...more });
}

describe("an answer", () => {
  it.each(["approve", "approve_for_session", "reject"])("%s is echoed with its feedback", async (response) => {
    const { open, askedFor, events } = setUp();
    const outcome = open("t1", "echo hi");
    const asked = await askedFor("t1");
    expect(asked.request.id).toMatch(UUID4);
    yes(asked, response, { feedback: "why" });
    expect(await outcome).toEqual({ response, feedback: "why", via: "answer" });
    const saved = response === "approve_for_session" ? ["save 1"] : [];
    expect(events).toEqual(["ask t1", `record t1 ${response} raw`, ...saved, `resolved t1 ${response}`]);
    expect(asked.signal.aborted).toBe(true);
  });

  it.each<[string, (id: string) => unknown]>([
    ["undefined", () => undefined],
    ["null", () => null],
    ["a word", () => "approve"],
    ["a list", (id) => [{ request_id: id, response: "approve" }]],
    ["empty", () => ({})],
    ["without response", (request_id) => ({ request_id })],
    ["without request_id", () => ({ response: "approve" })],
    ["an unknown response", (request_id) => ({ request_id, response: "yes" })],
    ["another case", (request_id) => ({ request_id, response: "Approve" })],
    ["true", (request_id) => ({ request_id, response: true })],
    ["feedback that is no text", (request_id) => ({ request_id, response: "approve", feedback: 1 })],
    ["feedback null", (request_id) => ({ request_id, response: "approve", feedback: null })],
    [
      "a throwing getter",
      (request_id) => ({
        request_id,
        get response() {
          throw new Error("x");
        },
      }),
    ],
  ])("that is malformed is a no: %s", async (_name, make) => {
    const { open, askedFor, gate } = setUp();
    const outcome = open("t1", "echo hi");
    const asked = await askedFor("t1");
    asked.answer(make(asked.request.id));
    expect(await outcome).toEqual({ response: "reject", feedback: "", via: "answer" });
    expect(gate.pending()).toEqual([]);
  });

  it("binds by the id of the request; another id inside is only logged", async () => {
    const { open, askedFor, warnings } = setUp();
    const outcomes = [open("t1", "echo 1"), open("t2", "mytool 2")];
    const [first, second] = [await askedFor("t1"), await askedFor("t2")];
    first.answer({ request_id: second.request.id, response: "approve" });
    second.answer({ request_id: second.request.id, response: "reject" });
    expect((await Promise.all(outcomes)).map((outcome) => outcome.response)).toEqual(["approve", "reject"]);
    expect(warnings).toEqual([{ id: first.request.id, request_id: second.request.id }]);
  });

  it.each<[string, unknown, string]>([
    ["an error", Object.assign(new Error("nah"), { code: -1 }), "answer"],
    ["nothing", undefined, "answer"],
    ["a closed connection", { code: "closed" }, "closed"],
  ])("that is %s is a no", async (_name, error, via) => {
    const { open, askedFor } = setUp();
    const outcome = open("t1", "echo hi");
    (await askedFor("t1")).fail(error);
    expect(await outcome).toEqual({ response: "reject", feedback: "", via });
  });

  it("comes first or not at all", async () => {
    const { gate, open, askedFor, events } = setUp();
    const outcome = open("t1", "echo hi");
    const asked = await askedFor("t1");
    expect(gate.answer(asked.request.id, { request_id: asked.request.id, response: "reject" })).toBe(true);
    expect(gate.answer(asked.request.id, { request_id: asked.request.id, response: "approve" })).toBe(false);
    yes(asked);
    expect((await outcome).response).toBe("reject");
    expect(gate.answer("no such id", { request_id: "no such id", response: "approve" })).toBe(false);
    // An old request's late answer does not reach a new one that was given the same id.
    const again = open("t2", "echo hi", undefined, { id: asked.request.id });
    const second = await askedFor("t2");
    expect(second.request.id).toBe(asked.request.id);
    yes(second, "approve");
    expect((await again).response).toBe("approve");
    expect(events.filter((event) => event.startsWith("resolved"))).toEqual([
      "resolved t1 reject",
      "resolved t2 approve",
    ]);
  });

  it("that cannot be recorded does not take effect", async () => {
    const { open, askedFor, failing, grants, events } = setUp();
    const outcome = open("t1", "echo hi");
    failing.record = true;
    yes(await askedFor("t1"), "approve_for_session");
    expect(await outcome).toEqual({
      ...{ response: "reject", feedback: "disk full", via: "unrecorded", code: "storage_failed" },
    });
    expect(grants.list()).toEqual([]);
    expect(events).toEqual(["ask t1", "resolved t1 reject"]);
  });

  it("settles although it cannot be told, and a request that cannot be sent is a no", async () => {
    const { open, askedFor, failing } = setUp();
    failing.resolved = true;
    const outcome = open("t1", "echo hi");
    yes(await askedFor("t1"));
    expect((await outcome).response).toBe("approve");
    failing.present = true;
    expect((await open("t2", "echo hi")).response).toBe("reject");
  });
});

describe("several approvals", () => {
  it("are asked in the order of the calls, whatever is judged first", async () => {
    let release: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { open, askedFor, asked } = setUp({
      deps: {
        parse: async (command) => {
          if (command === "echo 1") await slow;
          return parser.parse(command);
        },
      },
    });
    const outcomes = [
      open("t1", "echo 1"),
      open("t2", "echo 2"),
      open("t3", { kind: "edit", path: join(workDir, "f"), insideWorkspace: true }),
    ];
    expect(asked).toEqual([]);
    release();
    await askedFor("t3");
    expect(asked.map((each) => each.request.toolCallId)).toEqual(["t1", "t2", "t3"]);
    for (const each of [...asked].reverse()) yes(each);
    expect((await Promise.all(outcomes)).every((outcome) => outcome.response === "approve")).toBe(true);
  });

  it("settle with a grant that covers them", async () => {
    const { open, askedFor, events, gate } = setUp();
    const first = open("t1", "echo 1");
    const second = open("t2", "echo 2");
    const edit = open("t3", { kind: "edit", path: join(workDir, "f"), insideWorkspace: true });
    const complex = open("t4", "echo 2 > f");
    await askedFor("t4");
    expect(gate.pending().map((request) => request.toolCallId)).toEqual(["t1", "t2", "t3", "t4"]);
    yes(await askedFor("t1"), "approve_for_session");
    expect(await first).toMatchObject({ response: "approve_for_session", via: "answer" });
    expect(await second).toEqual({ response: "approve", feedback: "", via: "grant" });
    expect((await askedFor("t2")).signal.aborted).toBe(true);
    // Its late answer changes nothing.
    yes(await askedFor("t2"), "reject");
    yes(await askedFor("t3"), "reject");
    yes(await askedFor("t4"), "reject");
    expect([(await edit).response, (await complex).response]).toEqual(["reject", "reject"]);
    expect(events.slice(4)).toEqual([
      "record t1 approve_for_session raw",
      "save 1",
      "resolved t1 approve_for_session",
      "record t2 approve",
      "resolved t2 approve",
      "record t3 reject raw",
      "resolved t3 reject",
      "record t4 reject raw",
      "resolved t4 reject",
    ]);
    const before = events.length;
    expect(await open("t5", "echo 5")).toEqual({ response: "approve", feedback: "", via: "grant" });
    expect(events).toHaveLength(before);
  });

  it("that are still being judged count a grant that comes meanwhile", async () => {
    let release: () => void = () => {};
    let slow: Promise<void> | null = null;
    const { open, askedFor, asked } = setUp({
      deps: {
        parse: async (command) => {
          if (command === "echo slow") await slow;
          return parser.parse(command);
        },
      },
    });
    const first = open("t1", "echo 1");
    const answerable = await askedFor("t1");
    slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const second = open("t2", "echo slow");
    yes(answerable, "approve_for_session");
    await first;
    release();
    expect((await second).via).toBe("grant");
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["the grant itself stay open", 1, null],
    ["another grant still settle", 0, "grant"],
  ])("that are being settled by a grant: after a revoke of %s", async (_name, revoked, via) => {
    let release: () => void = () => {};
    let slow: Promise<void> | null = null;
    const { open, askedFor, gate } = setUp({
      initial: [{ kind: "fetch", workDir, host: "a.b" }],
      deps: {
        parse: async (command) => {
          if (command === "echo 2") await slow;
          return parser.parse(command);
        },
      },
    });
    const [first, second] = [open("t1", "echo 1"), open("t2", "echo 2")];
    const other = await askedFor("t2");
    slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    yes(await askedFor("t1"), "approve_for_session");
    await first;
    const id = gate.listGrants()[revoked]?.id ?? "";
    expect(gate.revokeGrant(id)).toBe(true);
    release();
    // One more approval has to pass the same judgement before this one is looked at.
    const third = open("t3", "echo 2");
    if (via === null) {
      const last = await askedFor("t3");
      expect(gate.pending().map((request) => request.toolCallId)).toEqual(["t2", "t3"]);
      yes(other, "reject");
      yes(last, "reject");
    }
    const outcomes = await Promise.all([second, third]);
    expect(outcomes.map((outcome) => outcome.via)).toEqual(via === null ? ["answer", "answer"] : ["grant", "grant"]);
  });

  it("do not wait for one whose judgement hangs longer than its limit, nor for a cancelled one", async () => {
    const { open, askedFor } = setUp({
      judgeMs: 20,
      deps: {
        parse: (command) => (command === "echo 1" ? new Promise(() => {}) : Promise.resolve(parser.parse(command))),
      },
    });
    const first = open("t1", "echo 1");
    const second = open("t2", "echo 2");
    await askedFor("t2");
    expect((await askedFor("t1")).request.proposed).toBeNull();
    yes(await askedFor("t1"));
    yes(await askedFor("t2"));
    await Promise.all([first, second]);

    const patient = setUp({
      judgeMs: 60_000,
      deps: {
        parse: (command) => (command === "echo 1" ? new Promise(() => {}) : Promise.resolve(parser.parse(command))),
      },
    });
    const abort = new AbortController();
    const cancelled = patient.open("t1", "echo 1", abort.signal);
    void patient.open("t2", "echo 2");
    abort.abort();
    expect((await cancelled).via).toBe("cancelled");
    await patient.askedFor("t2");
    expect(patient.events).toEqual(["ask t2"]);
  });
});

describe("grants", () => {
  it("approve_for_session without a proposal is for this once", async () => {
    const { open, askedFor, gate } = setUp();
    const outcome = open("t1", "rm -rf x");
    const asked = await askedFor("t1");
    expect(asked.request.proposed).toBeNull();
    yes(asked, "approve_for_session");
    expect(await outcome).toMatchObject({ response: "approve_for_session" });
    expect(gate.listGrants()).toEqual([]);
    void open("t2", "rm -rf x");
    await askedFor("t2");
  });

  it("are listed, revoked and asked for again", async () => {
    const { open, askedFor, gate, failing, events } = setUp({ initial: [{ kind: "fetch", workDir, host: "a.b" }] });
    const fetch: GrantSubject = { kind: "fetch", host: "a.b" };
    expect((await open("t1", fetch)).via).toBe("grant");
    const [listed] = gate.listGrants();
    if (listed === undefined) throw new Error("no grant");
    expect(listed.text).toBe("fetch from a.b");
    failing.save = true;
    expect(gate.revokeGrant(listed.id)).toBe(false);
    failing.save = false;
    expect(gate.revokeGrant(listed.id)).toBe(true);
    expect(gate.revokeGrant(listed.id)).toBe(false);
    expect(gate.listGrants()).toEqual([]);
    void open("t2", fetch);
    await askedFor("t2");
    expect(events).toEqual(["save 0", "ask t2"]);
  });

  it("that cannot be stored do not come to be; the call itself is approved", async () => {
    const { open, askedFor, gate, failing } = setUp();
    failing.save = true;
    const outcome = open("t1", "echo 1");
    yes(await askedFor("t1"), "approve_for_session");
    expect((await outcome).response).toBe("approve_for_session");
    expect(gate.listGrants()).toEqual([]);
  });
});

describe("mode and policy", () => {
  it.each([
    { yolo: true, afk: false },
    { yolo: false, afk: true },
  ])("%j asks nothing, tells nothing and parses nothing", async (mode) => {
    const { open, events } = setUp({ mode, deps: { parse: () => Promise.reject(new Error("not to be called")) } });
    expect(await open("t1", "rm -rf x")).toEqual({ response: "approve", feedback: "", via: "mode" });
    expect(events).toEqual([]);
  });

  it("counts as it is when the request would be sent", async () => {
    const { gate, open, askedFor, events } = setUp({ mode: { yolo: true, afk: false } });
    const outcome = open("t1", "echo 1");
    gate.setMode({ yolo: false, afk: false });
    const asked = await askedFor("t1");
    expect(asked.request.proposed).not.toBeNull();
    gate.setMode({ yolo: true, afk: false });
    expect(gate.mode).toEqual({ yolo: true, afk: false });
    yes(asked, "reject");
    expect((await outcome).response).toBe("reject");
    expect(events).toContain("resolved t1 reject");
  });

  it("denies with a sentence, unasked and untold", async () => {
    const shareDir = join(workDir, "share");
    const places = { workDir, additionalDirs: [], shareDir, configFile: null };
    for (const mode of [
      { yolo: true, afk: false },
      { yolo: false, afk: false },
    ]) {
      const { open, events } = setUp({ mode, deps: { places } });
      const path = join(shareDir, "sessions", "x", "state.json");
      const outcome = await open("t1", { kind: "edit", path, insideWorkspace: true });
      expect(outcome).toMatchObject({ response: "reject", via: "denied" });
      expect(outcome.feedback).toContain(path);
      expect(events).toEqual([]);
    }
  });
});

describe("ends without an answer", () => {
  it("an abort is a no at once, before and after the request", async () => {
    const { gate, open, askedFor, events } = setUp();
    expect(await open("t0", "echo 1", AbortSignal.abort())).toMatchObject({ response: "reject", via: "cancelled" });
    const early = new AbortController();
    const unasked = open("t1", "echo 1", early.signal);
    early.abort();
    expect(await unasked).toMatchObject({ response: "reject", via: "cancelled" });
    const abort = new AbortController();
    const outcome = open("t2", "echo 1", abort.signal);
    const asked = await askedFor("t2");
    abort.abort();
    expect(asked.signal.aborted).toBe(true);
    expect(gate.pending()).toEqual([]);
    expect(await outcome).toMatchObject({ response: "reject", via: "cancelled" });
    yes(asked);
    expect(events).toEqual(["ask t2", "record t2 reject", "resolved t2 reject"]);
  });

  it("the end of a source ends its approvals only", async () => {
    const { gate, open, askedFor } = setUp();
    const turn = open("t1", "echo 1");
    const task = open("t2", "echo 2", undefined, { sourceKind: "background_agent", sourceId: "task" });
    await askedFor("t2");
    gate.cancelSource("turn");
    expect((await turn).via).toBe("cancelled");
    expect(gate.pending().map((request) => request.toolCallId)).toEqual(["t2"]);
    gate.close();
    gate.close();
    expect((await task).via).toBe("closed");
    expect((await open("t3", "echo 1")).via).toBe("closed");
  });
});

type Action =
  | { do: "open"; subject: number; source: number }
  | { do: "answer"; at: number; response: string; direct: boolean }
  | { do: "error"; at: number; closed: boolean }
  | { do: "abort"; at: number }
  | { do: "cancelSource"; source: number }
  | { do: "revoke"; at: number }
  | { do: "mode"; yolo: boolean }
  | { do: "close" }
  | { do: "turn"; ticks: number };

const at = fc.nat(30);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("open" as const), subject: fc.nat(5), source: fc.nat(1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("answer" as const),
      at,
      response: fc.constantFrom("approve", "approve_for_session", "approve_for_session", "reject", "nonsense"),
      direct: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("error" as const), at, closed: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("abort" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cancelSource" as const), source: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("revoke" as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("mode" as const), yolo: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("turn" as const), ticks: fc.integer({ min: 1, max: 12 }) }) },
);

/** Subjects whose judgement needs no file system, so that the event loop's turns are all there is to wait for. */
const SUBJECTS: GrantSubject[] = [
  { kind: "fetch", host: "a" },
  { kind: "fetch", host: "a" },
  { kind: "fetch", host: "b" },
  { kind: "mcp", server: "s", tool: "t" },
  { kind: "mcp", server: "s", tool: "u" },
  { kind: "command", command: "rm x", cwd: "/", background: false },
];

describe("any interleaving", () => {
  it("settles each approval exactly once, tells it once, records it first, and approves nothing without a cause", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
        const { gate, asked, events, open } = setUp();
        const opened: {
          name: string;
          abort: AbortController;
          subject: GrantSubject;
          settled: ApprovalOutcome[];
          wasYolo: boolean;
        }[] = [];
        const firstAnswer = new Map<string, string>();
        let granted = false;
        let yolo = false;
        for (const step of actions) {
          const chosen = "at" in step && asked.length > 0 ? asked[step.at % asked.length] : undefined;
          if (step.do === "open") {
            const abort = new AbortController();
            const subject = SUBJECTS[step.subject] ?? { kind: "fetch", host: "c" };
            const entry = {
              name: `t${opened.length}`,
              abort,
              subject,
              settled: [] as ApprovalOutcome[],
              wasYolo: yolo,
            };
            opened.push(entry);
            void open(entry.name, subject, abort.signal, { sourceId: `source ${step.source}` }).then((outcome) =>
              entry.settled.push(outcome),
            );
          } else if (step.do === "answer" && chosen !== undefined) {
            const { id, toolCallId } = chosen.request;
            const raw = { request_id: id, response: step.response };
            if (step.response === "approve_for_session") granted = true;
            const key = `${toolCallId} ${step.response === "nonsense" ? "reject" : step.response}`;
            firstAnswer.set(key, step.response);
            if (step.direct) gate.answer(id, raw);
            else chosen.answer(raw);
          } else if (step.do === "error" && chosen !== undefined) {
            chosen.fail(step.closed ? { code: "closed" } : new Error("nah"));
          } else if (step.do === "abort" && opened.length > 0) opened[step.at % opened.length]?.abort.abort();
          else if (step.do === "cancelSource") gate.cancelSource(`source ${step.source}`);
          else if (step.do === "revoke") {
            const listed = gate.listGrants();
            const grant = listed[step.at % Math.max(1, listed.length)];
            if (grant !== undefined) gate.revokeGrant(grant.id);
          } else if (step.do === "mode") {
            yolo = step.yolo;
            gate.setMode({ yolo, afk: false });
            if (yolo) for (const entry of opened) entry.wasYolo = true;
          } else if (step.do === "close") gate.close();
          else if (step.do === "turn") for (let tick = 0; tick < step.ticks; tick += 1) await Promise.resolve();
        }
        gate.close();
        await vi.waitUntil(() => opened.every((entry) => entry.settled.length > 0), { timeout: 5_000, interval: 1 });
        for (let tick = 0; tick < 50; tick += 1) await Promise.resolve();

        expect(gate.pending()).toEqual([]);
        for (const { name, settled, subject, wasYolo } of opened) {
          expect(settled).toHaveLength(1);
          const [outcome] = settled;
          const own = events.filter((event) => event.split(" ")[1] === name);
          const response = outcome?.response;
          if (own.length > 0) {
            expect(own[0]).toBe(`ask ${name}`);
            expect(own.slice(1).map((event) => event.replace(" raw", ""))).toEqual([
              `record ${name} ${response}`,
              `resolved ${name} ${response}`,
            ]);
          }
          if (outcome?.via === "answer" && response !== "reject")
            expect(firstAnswer.has(`${name} ${response}`)).toBe(true);
          if (outcome?.via === "grant")
            expect([granted, subject.kind]).toEqual([true, subject.kind === "command" ? "never" : subject.kind]);
          if (outcome?.via === "mode") expect([wasYolo, own]).toEqual([true, []]);
          if (response !== "reject") expect(["answer", "grant", "mode"]).toContain(outcome?.via);
        }
        const order = events.filter((event) => event.startsWith("ask ")).map((event) => Number(event.slice(5)));
        expect(order).toEqual([...order].sort((a, b) => a - b));
      }),
      { numRuns: 400 },
    );
  });
});
