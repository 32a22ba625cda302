import { describe, expect, test } from "vitest";
import type { StreamPart } from "../providers/provider.js";
import { callPart, FakeProvider, type ReplyOptions, reply, usage } from "../testing/fake-provider.js";
import { type FakeToolOptions, fakeTool } from "../testing/fake-tools.js";
import { approving } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";
import { runStep } from "./step.js";
import { newStep } from "./step-start.js";

const fixtures = turnFixtures();

async function setUp(
  parts: readonly (string | StreamPart)[],
  options: ReplyOptions & { tools?: Record<string, FakeToolOptions>; maxContextSize?: number } = {},
) {
  const ran: string[] = [];
  const provider = new FakeProvider(reply(parts, options));
  provider.maxContextSize = options.maxContextSize ?? 0;
  const tools = Object.entries({ act: {}, ask: { ask: true }, ...options.tools }).map(([name, each]) =>
    fakeTool(name, {
      run: (args) => {
        ran.push(`${name} ${args}`);
        return toolOk(`${name} done`);
      },
      ...each,
    }),
  );
  const made = await fixtures.turn({ provider, tools });
  const controller = new AbortController();
  made.history.appendUser([{ type: "text", text: "go" }]);
  return { ...made, ran, controller, run: () => runStep(newStep(1), made.deps, controller.signal) };
}

test("the model is asked with the frozen text, the tools and the history", async () => {
  const { run, provider } = await setUp(["hi"]);
  await run();
  expect(provider.requests).toMatchObject([
    {
      systemPrompt: "SYSTEM",
      tools: [{ name: "act" }, { name: "ask" }],
      messages: [{ role: "user", content: [{ type: "text", text: "go" }] }],
    },
  ]);
  expect(provider.requests[0]?.toolChoice).toBeUndefined();
});

test("one StatusUpdate for a reply, before the tools' results", async () => {
  const { run, sink } = await setUp(["a", callPart("t", "act")], {
    usage: usage(50, 5),
    messageId: "m",
    maxContextSize: 100,
  });
  await run();
  expect(sink.types()).toEqual(["ContentPart", "ToolCall", "StatusUpdate", "ToolResult"]);
  expect(sink.payloads("StatusUpdate")).toMatchObject([{ context_usage: 0.5, context_tokens: 50, message_id: "m" }]);
});

test("tool messages are stored in call order, whoever was done first", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { run, history, sink } = await setUp([callPart("t1", "slow"), callPart("t2", "fast")], {
    tools: {
      slow: { run: () => held.then(() => toolOk("S")) },
      fast: {
        run: () => {
          setImmediate(release);
          return toolOk("F");
        },
      },
    },
  });
  await run();
  expect(sink.payloads("ToolResult").map(({ tool_call_id }) => tool_call_id)).toEqual(["t2", "t1"]);
  expect(history.messages.slice(1)).toMatchObject([
    { role: "assistant", tool_calls: [{ id: "t1" }, { id: "t2" }] },
    { role: "tool", tool_call_id: "t1", content: [{ text: "S" }] },
    { role: "tool", tool_call_id: "t2", content: [{ text: "F" }] },
  ]);
});

describe("the outcome", () => {
  const no = { response: "reject" };
  const why = { response: "reject", feedback: "because" };
  const yes = { response: "approve" };
  test.each<[string, StreamPart[], Record<string, unknown>[], string]>([
    ["no call", [], [], "end"],
    ["a call", [callPart("1", "act")], [], "again"],
    ["a call that does not exist", [callPart("1", "nope")], [], "again"],
    ["approved", [callPart("1", "ask")], [yes], "again"],
    ["rejected", [callPart("1", "ask")], [no], "end"],
    ["rejected with a reason", [callPart("1", "ask")], [why], "again"],
    ["one rejected, one run", [callPart("1", "ask"), callPart("2", "act")], [no], "end"],
    ["one rejected, one with a reason", [callPart("1", "ask"), callPart("2", "ask", { x: 1 })], [no, why], "again"],
    ["one rejected, one approved", [callPart("1", "ask"), callPart("2", "ask", { x: 1 })], [no, yes], "end"],
  ])("%s", async (_name, calls, decisions, outcome) => {
    const { run, sink, history } = await setUp(["text", ...calls]);
    sink.onRequest = approving(...decisions);
    expect(await run()).toBe(outcome);
    expect(sink.payloads("ToolResult")).toHaveLength(calls.length);
    expect(history.messages.filter(({ role }) => role === "tool")).toHaveLength(calls.length);
  });
});

describe("a reply that hit its length limit", () => {
  const cut = { finish: "length" } as const;

  test.each([
    ["half a call", '{"path":"/etc'],
    ["a call without arguments", null],
    ["an empty call", ""],
    ["arguments that are no object", '"rm'],
    ["a number that may go on", "1"],
  ])("%s does not run, whatever tool it is", async (_name, args) => {
    const { run, ran, sink, history } = await setUp([callPart("1", "act", '{"a":1}'), callPart("2", "act", args)], cut);
    expect(await run()).toBe("again");
    expect(ran).toEqual(['act {"a":1}']);
    const cutResult = sink.payloads("ToolResult").find(({ tool_call_id }) => tool_call_id === "2");
    expect(cutResult).toMatchObject({
      return_value: { is_error: true, display: [{ type: "brief", text: "Call cut off" }] },
    });
    expect(history.messages.at(-2)).toMatchObject({ role: "tool", tool_call_id: "1" });
  });

  test("a call that is whole runs", async () => {
    const { run, ran } = await setUp([callPart("1", "act", '{"a":1}')], cut);
    await run();
    expect(ran).toEqual(['act {"a":1}']);
  });

  test("only then: at an ordinary end the tool itself says what is wrong with its arguments", async () => {
    const { run, ran } = await setUp([callPart("1", "act", '{"a":')]);
    await run();
    expect(ran).toEqual(['act {"a":']);
  });

  test("without a call it is an ordinary end", async () => {
    const { run } = await setUp(["long text"], cut);
    expect(await run()).toBe("end");
  });
});

describe("arguments in the conversation", () => {
  test.each([
    ["not JSON", '{"a":', "{}"],
    ["null", null, "{}"],
    ["empty", "", "{}"],
    ["a list", "[1]", "{}"],
    ["an object, as it was written", '{ "a" : 1 }', '{ "a" : 1 }'],
  ])("%s", async (_name, raw, stored) => {
    const { run, sink, history } = await setUp([callPart("1", "act", raw)]);
    await run();
    expect(sink.payloads("ToolCall")).toMatchObject([{ function: { arguments: raw } }]);
    expect(history.messages[1]).toMatchObject({ tool_calls: [{ function: { arguments: stored } }] });
  });
});

describe("repeated calls", () => {
  const repeated = (times: number) => Array.from({ length: times }, (_, n) => callPart(`t${n}`, "act"));

  test("are reminded of from the third on, within one step too", async () => {
    const { run, sink } = await setUp(repeated(5));
    expect(await run()).toBe("again");
    const reminded = sink
      .payloads("ToolResult")
      .map(({ return_value }) => String((return_value as { output: string }).output).includes("<system-reminder>"));
    expect(reminded).toEqual([false, false, true, true, true]);
  });

  test("end the turn at the twelfth", async () => {
    const { run, sink, history } = await setUp(repeated(12));
    expect(await run()).toBe("stop");
    expect(sink.payloads("ToolResult")).toHaveLength(12);
    expect(history.messages).toHaveLength(14);
  });

  test("a reminder follows the parts of an output that has parts", async () => {
    const parts = { run: () => toolOk([{ type: "text", text: "x" }]) };
    const { run, sink } = await setUp(repeated(3), { tools: { act: parts } });
    await run();
    const outputs = sink.payloads("ToolResult").map((p) => (p.return_value as { output: unknown[] }).output.length);
    expect(outputs).toEqual([1, 1, 2]);
  });
});

describe("media in a result that the model cannot read", () => {
  const image = { type: "image_url" as const, image_url: { url: "data:,x", id: null } };
  const shoot = { run: () => toolOk([image], "Done.") };

  test("fails the step, but the conversation knows what was done", async () => {
    const { run, sink, history } = await setUp([callPart("1", "shoot")], { tools: { shoot } });
    await expect(run()).rejects.toMatchObject({
      code: "llm_not_supported",
      message: "LLM model 'fake-model' does not support required capability: image_in.",
    });
    expect(sink.payloads("ToolResult")).toMatchObject([{ return_value: { output: [image] } }]);
    expect(history.messages.slice(1)).toMatchObject([
      { role: "assistant" },
      { role: "tool", content: [{ type: "text", text: "<system>Done.</system>" }, { type: "text" }] },
    ]);
    expect(JSON.stringify(history.messages)).not.toContain("image_url");
  });

  test("is given to a model that can", async () => {
    const { run, history, provider } = await setUp([callPart("1", "shoot")], { tools: { shoot } });
    provider.capabilities.add("image_in");
    expect(await run()).toBe("again");
    expect(history.messages.at(-1)).toMatchObject({ content: [{ type: "text" }, image] });
  });
});

describe("a step that does not get to its end keeps nothing of the reply", () => {
  test("cancelled while a tool runs", async () => {
    const { run, controller, sink, history } = await setUp([callPart("1", "act"), callPart("2", "hang")], {
      tools: { hang: { run: () => new Promise(() => {}) } },
    });
    const step = run();
    await sink.seen("ToolResult");
    controller.abort(new Error("enough"));
    await expect(step).rejects.toThrow("enough");
    expect(history.messages).toHaveLength(1);
  });

  test("not recorded", async () => {
    const { run, log, history } = await setUp(["a"], {});
    log.close({ clean: false });
    await expect(run()).rejects.toMatchObject({ name: "KernelError" });
    expect(history.messages).toHaveLength(1);
  });
});
