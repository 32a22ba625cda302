import { describe, expect, test } from "vitest";
import { toolCallResult } from "../../wire/validators/client-request.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { clientToolCaller } from "./client-tool.js";
import { ClientRequestError } from "./event-sink.js";

const fixtures = turnFixtures();
const CALL = { id: "t1", name: "ext", arguments: '{"a":1}' };

async function setUp() {
  const fixture = await fixtures.turn();
  const callClient = clientToolCaller(fixture.recorder, (answer) => {
    const parsed = toolCallResult.safeParse(answer);
    return parsed.success ? parsed.data : null;
  });
  const controller = new AbortController();
  return { ...fixture, controller, result: callClient(CALL, controller.signal) };
}

const failed = (message: string, brief: string) => ({
  isError: true,
  output: "",
  message,
  display: [{ type: "brief", text: brief }],
});

test("the request carries the call as it is, the result comes back as the client gave it", async () => {
  const { sink, result, journal } = await setUp();
  expect(sink.sent).toMatchObject([{ kind: "request", type: "ToolCallRequest", payload: CALL }]);
  const return_value = {
    is_error: false,
    output: [{ type: "image_url", image_url: { url: "data:,x" } }],
    message: "m",
    display: [{ type: "chart", x: 1 }],
  };
  sink.open[0]?.answer({ tool_call_id: "t1", return_value });
  expect(await result).toEqual({
    isError: false,
    output: [{ type: "image_url", image_url: { url: "data:,x", id: null } }],
    message: "m",
    display: [{ type: "unknown", wireType: "chart", data: { x: 1 } }],
    extras: null,
  });
  expect(journal().slice(-2)).toMatchObject([
    { kind: "request", type: "ToolCallRequest", id: "t1" },
    { kind: "answer", id: "t1", answer: { tool_call_id: "t1", return_value } },
  ]);
});

test("an error of the tool and extras pass", async () => {
  const { sink, result } = await setUp();
  const return_value = { is_error: true, output: "log", message: "no", display: [], extras: { a: 1 } };
  sink.open[0]?.answer({ tool_call_id: "another", return_value });
  expect(await result).toEqual({ isError: true, output: "log", message: "no", display: [], extras: { a: 1 } });
});

describe("no usable answer", () => {
  test.each([null, {}, "x", { tool_call_id: "t1" }, { tool_call_id: "t1", return_value: { output: 7 } }])(
    "malformed: %j",
    async (answer) => {
      const { sink, result } = await setUp();
      sink.open[0]?.answer(answer);
      expect(await result).toEqual(failed("Invalid tool result payload from client.", "Invalid tool result"));
    },
  );

  test("an error response", async () => {
    const { sink, result } = await setUp();
    sink.open[0]?.fail(new ClientRequestError("answered_error", "tool exploded"));
    expect(await result).toEqual(failed("tool exploded", "External tool error"));
  });

  test("the client is gone", async () => {
    const { sink, result } = await setUp();
    sink.open[0]?.fail(new ClientRequestError("closed", "The connection is closed (eof)"));
    expect(await result).toEqual(failed("Wire connection closed before tool result was received.", "Wire closed"));
  });

  test("a cancel rejects with the turn's reason", async () => {
    const { controller, result } = await setUp();
    controller.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
  });

  test("a request that cannot be recorded is not sent", async () => {
    const { log, recorder, sink } = await fixtures.turn();
    log.close({ clean: false });
    const callClient = clientToolCaller(recorder, () => null);
    await expect(callClient(CALL, new AbortController().signal)).rejects.toMatchObject({ name: "KernelError" });
    expect(sink.sent).toEqual([]);
  });
});
