import { expect, test } from "vitest";
import type { TurnPosition } from "../storage/turn-position.js";
import { FakeProvider, reply, textPart, toolCall } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { type FixtureOptions, turnFixtures } from "../testing/turn-fixture.js";
import { callPosition, endedStep, stepPosition, turnPosition } from "../testing/turn-positions.js";
import { SteerQueue } from "../turn/steer-queue.js";

const fixtures = turnFixtures();
const says = (text: string) => ({ type: "text" as const, text });
const SIGNAL = new AbortController().signal;

/** A session that is in mid-turn, with these user messages in its conversation. */
async function setUp(options: FixtureOptions, said: readonly string[] = ["go"], answered: readonly string[] = []) {
  const made = fixtures.session(options);
  await made.log.acquire();
  made.log.context([{ role: "_system_prompt", content: "SYSTEM" }]);
  made.log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "x" });
  made.log.context(said.map((content) => ({ role: "user", content }) as const));
  made.log.context(answered.map((content) => ({ role: "assistant", content }) as const));
  made.log.checkpoint();
  made.conversation.open();
  const steers = new SteerQueue();
  const resume = (position: TurnPosition) => made.conversation.resume(position, steers, SIGNAL);
  return { ...made, steers, resume };
}

test("a prompt without context runs from the start, one with context goes on; brackets are closed first", async () => {
  const fresh = await setUp({ provider: new FakeProvider(reply(["hi"])) }, []);
  await fresh.resume(turnPosition({ hasContext: false, userInput: "hello", openBrackets: ["MCPLoadingEnd"] }));
  expect(fresh.sink.types()).toEqual(["MCPLoadingEnd", "StepBegin", "ContentPart", "StatusUpdate"]);
  expect(fresh.provider.requests[0]?.messages).toEqual([{ role: "user", content: [says("hello")] }]);
  expect(fresh.log.state.data.custom_title).toBe("hello");

  const later = await setUp({ provider: new FakeProvider(reply([" you"])) });
  const step = stepPosition({ content: [says("hi")] });
  expect(await later.resume(turnPosition({ step, openBrackets: ["CompactionEnd"] }))).toEqual({ status: "finished" });
  expect(later.sink.types()).toEqual(["CompactionEnd", "ContentPart", "StatusUpdate"]);
  expect(later.steers.isOpen).toBe(false);
});

test("a compaction that had begun is made again when it is still needed", async () => {
  const provider = new FakeProvider(reply(["a summary"]), reply(["hi"]));
  provider.maxContextSize = 100;
  const { resume, sink } = await setUp({ provider }, ["x".repeat(200), "y".repeat(200), "z"]);
  await resume(turnPosition({ step: stepPosition({ marked: false }), openBrackets: ["CompactionEnd"] }));
  const [end, begin, second] = sink.types();
  expect([end, begin, second]).toEqual(["CompactionEnd", "CompactionBegin", "CompactionEnd"]);
});

test("/clear: once. What is recorded is not done again, what is not is", async () => {
  const done = await setUp({ provider: new FakeProvider() });
  await done.resume(turnPosition({ userInput: "/clear" }));
  expect(done.sink.types()).toEqual(["StatusUpdate"]);
  expect(done.contextRoles()).toContain("user");

  const open = await setUp({ provider: new FakeProvider() });
  await open.resume(turnPosition({ userInput: "/clear", hasContext: false }));
  expect(open.contextRoles()).toEqual(["_system_prompt"]);
});

test("/yolo: a switch that may have been turned is not turned again", async () => {
  const { resume, sink, log } = await setUp({ provider: new FakeProvider() }, []);
  await resume(turnPosition({ userInput: "/yolo", hasContext: false }));
  expect(log.state.data.approval.yolo).toBe(false);
  expect(sink.payloads("ContentPart")).toEqual([
    says("The kernel was restarted during /yolo, which may have taken effect. It is not run again."),
  ]);
  await resume(turnPosition({ userInput: "/yolo", hasContext: false, begun: false }));
  expect(log.state.data.approval.yolo).toBe(true);
});

test("/init: its calls are closed, then it runs from the start", async () => {
  const provider = new FakeProvider(reply(["looked"]));
  const { resume, sink } = await setUp({ provider }, []);
  const touched = callPosition({
    intent: { effectId: "e", effect: "exec", actionHash: "h", before: [], after: [], process: null },
  });
  const calls = { c2: touched, c3: callPosition({ result: { returnValue: {}, rejection: null } }) };
  const step = endedStep([toolCall("c1", "Look"), toolCall("c2", "Act"), toolCall("c3", "Act")], calls);
  await resume(turnPosition({ userInput: "/init", hasContext: false, step }));
  expect(
    sink
      .payloads("ToolResult")
      .map(({ tool_call_id, return_value }) => [tool_call_id, (return_value as { extras: unknown }).extras]),
  ).toEqual([
    ["c1", { code: "interrupted" }],
    ["c2", { code: "unknown_outcome" }],
  ]);
  expect(provider.requests).toHaveLength(1);
});

test("the Stop hook of a resumed turn may send it on", async () => {
  const command = "test -e once || { touch once; echo more >&2; exit 2; }";
  const hooks = [{ event: "Stop", command, matcher: "", timeout: 30, on_error: "allow" }] as const;
  const { resume, provider } = await setUp({ provider: new FakeProvider(reply(["b"])), hooks });
  await resume(turnPosition({ step: stepPosition({ stored: true, outcome: "end" }) }));
  expect(provider.requests.map(({ messages }) => messages.at(-1)?.content)).toEqual([[says("more")]]);
});

const ralph = { loop: { max_ralph_iterations: 3 } };

test("the Ralph loop: the inner turn ends, then the loop goes on at its node", async () => {
  const provider = new FakeProvider(reply(["lf"]), reply(["<choice>STOP</choice>"]));
  const { resume, sink, journal } = await setUp({ provider, ...ralph });
  const step = stepPosition({ content: [says("ha")] });
  await resume(turnPosition({ openInnerTurns: 1, step, flow: { node: "R1", moves: 0, begun: true } }));
  expect(sink.types().filter((type) => type.startsWith("Turn"))).toEqual(["TurnEnd", "TurnBegin", "TurnEnd"]);
  const moves = journal().filter(({ code }) => code === "flow");
  expect(moves.map(({ data }) => data)).toEqual([{ node: "R2", moves: 1 }]);
});

test("the Ralph loop: a node whose turn has ended is not run again, one that did not begin is", async () => {
  const step = stepPosition({ stored: true, outcome: "end" });
  const ended = await setUp(
    { provider: new FakeProvider(reply(["<choice>STOP</choice>"])), ...ralph },
    ["go"],
    ["half"],
  );
  await ended.resume(turnPosition({ step, flow: { node: "R1", moves: 0, begun: true } }));
  expect(ended.sink.payloads("TurnBegin")).toMatchObject([{ user_input: expect.stringContaining("go. (This prompt") }]);

  const next = await setUp({ provider: new FakeProvider(reply(["<choice>STOP</choice>"])), ...ralph });
  await next.resume(turnPosition({ step, flow: { node: "R2", moves: 1, begun: false } }));
  expect(next.sink.types().filter((type) => type.startsWith("Turn"))).toEqual(["TurnBegin", "TurnEnd"]);
});

test("a flow whose place is not known ends with its inner turn, and says so", async () => {
  const { resume, sink } = await setUp({ provider: new FakeProvider(reply(["lf"])), ...ralph });
  await resume(turnPosition({ openInnerTurns: 1, step: stepPosition({ content: [says("ha")] }) }));
  expect(sink.types()).toEqual(["ContentPart", "StatusUpdate", "TurnEnd", "ContentPart"]);
  expect(sink.payloads("ContentPart").at(-1)?.text).toContain("The flow ends here.");
});

test("an inner turn that began without its message does not begin twice", async () => {
  const provider = new FakeProvider(reply(["half"]), reply(["<choice>STOP</choice>"]));
  const { resume, sink } = await setUp({ provider, ...ralph }, []);
  await resume(turnPosition({ hasContext: false, openInnerTurns: 1, inner: { userInput: "go", said: false } }));
  expect(sink.types().filter((type) => type.startsWith("Turn"))).toEqual(["TurnEnd", "TurnBegin", "TurnEnd"]);
});

test("really cut: what the dead kernel stored is what the next one goes on from", async () => {
  const ran: string[] = [];
  const run = (args: string | null) => {
    ran.push(args ?? "");
    return { isError: false, output: "acted", message: "", display: [] };
  };
  const tools = [fakeTool("Act", { run })];
  const call = toolCall("c1", "Act", { a: 1 });
  const dead = fixtures.session({
    tools,
    provider: new FakeProvider(reply([textPart("a"), { kind: "tool_call", call }])),
  });
  const died = dead.session.prompt("go", null);
  await expect(died).rejects.toThrow();
  expect(ran).toHaveLength(1);
  dead.abandon();
  const next = fixtures.session({ tools, share: dead.share, provider: new FakeProvider(reply(["end"])) });
  await next.log.acquire();
  next.log.beginTurn({ kind: "turn", turn_id: "t", client_id: null, user_input: "go" });
  next.conversation.open();
  const step = endedStep([call], {}, { stored: true, outcome: "again" });
  await next.conversation.resume(turnPosition({ step }), new SteerQueue(), SIGNAL);
  expect(ran).toHaveLength(1);
  expect(next.provider.requests[0]?.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
});
