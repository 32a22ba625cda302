/** A kernel in the process of its host: it can throw, hang and lose what it waits for, and not end the host. */
import { describe, expect, test } from "vitest";
import { memoryKernels, type RpcLine } from "./testing/memory-kernel.js";

const start = memoryKernels();
const prompt = { user_input: "go" };
const types = (lines: readonly RpcLine[]) => lines.map(({ params }) => params?.type);

test.each(["kill", "exit"])("%s has no effect: the process is the host's", async (action) => {
  const kernel = start({ scripts: ["text: a"], failPoints: `prompt_accepted:${action}` });
  expect((await kernel.call("1", "prompt", prompt)).at(-1)).toMatchObject({ id: "1", result: { status: "finished" } });
});

describe("throw", () => {
  test.each(["prompt_accepted", "event_recorded", "model_request", "model_stream", "stream_ended"])(
    "at %s: that turn fails and the next one does not",
    async (point) => {
      const kernel = start({ scripts: ["text: a", "text: b", "text: c"], failPoints: `${point}:throw` });
      const failed = await kernel.call("1", "prompt", prompt);
      expect(failed.at(-1)).toMatchObject({ id: "1", error: { code: -32603 } });
      const good = await kernel.call("2", "prompt", prompt);
      expect(good.at(-1)).toMatchObject({ id: "2", result: { status: "finished" } });
      expect(types(good).slice(0, 2)).toEqual(["TurnBegin", "StepBegin"]);
      expect(types(good).filter((type) => type === "TurnEnd")).toHaveLength(1);
    },
  );

  test("at a call: the model is told, as of any tool that fails, and the effect is over by then", async () => {
    const call = `tool_call: ${JSON.stringify({ id: "t1", name: "Think", arguments: '{"thought":"x"}' })}`;
    const kernel = start({ scripts: [call, "text: b"], failPoints: "tool_running:throw" });
    const lines = await kernel.call("1", "prompt", prompt);
    expect(lines.at(-1)).toMatchObject({ result: { status: "finished" } });
    const result = lines.find(({ params }) => params?.type === "ToolResult")?.params?.payload;
    expect(result?.return_value).toMatchObject({
      is_error: true,
      message: "Error running tool: Fail point tool_running: thrown on purpose.",
    });
  });
});

test.each(["model_request", "model_stream"])("lost at %s: the turn waits, and cancel ends it", async (point) => {
  const kernel = start({ scripts: ["text: a"], failPoints: `${point}:lost` });
  kernel.sendJson({ jsonrpc: "2.0", id: "1", method: "prompt", params: prompt });
  const last = point === "model_request" ? "StepBegin" : "ContentPart";
  await kernel.read(({ params }) => params?.type === last);
  const lines = await kernel.call("2", "cancel");
  expect(lines.at(-1)).toMatchObject({ id: "2", result: {} });
  const end = lines.find(({ id }) => id === "1") ?? (await kernel.read(({ id }) => id === "1")).at(-1);
  expect(end).toMatchObject({ result: { status: "cancelled" } });
});
