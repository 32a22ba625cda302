import { afterEach, describe, expect, test } from "vitest";
import type { Event } from "../wire/generated/types.gen.js";
import { type RawPeer, rawPeer } from "../wire/testing/raw-peer.js";
import { memoryTransportPair, type Transport } from "../wire/transport.js";
import { type HostHandlers, KernelClient, type Turn } from "./kernel-client.js";

const ended: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

interface Line {
  id: string;
  method: string;
  params: unknown;
}

/** A client, and a fake kernel: the test speaks its lines. */
function setUp(handlers: HostHandlers = {}) {
  const [kernelSide, clientSide] = memoryTransportPair();
  const client = new KernelClient(clientSide, handlers);
  ended.push(() => client.close());
  const kernel = rawPeer(kernelSide);
  return {
    client,
    kernel,
    transport: kernelSide satisfies Transport,
    event: (type: string, payload: unknown = {}) =>
      kernel.sendJson({ jsonrpc: "2.0", method: "event", params: { type, payload } }),
    answer: (id: string, result: unknown) => kernel.sendJson({ jsonrpc: "2.0", id, result }),
    refuse: (id: string, code: number, message: string) =>
      kernel.sendJson({ jsonrpc: "2.0", id, error: { code, message, data: null } }),
    ask: (type: string, payload: { id: string }) =>
      kernel.sendJson({ jsonrpc: "2.0", id: payload.id, method: "request", params: { type, payload } }),
    next: async () => (await kernel.next()) as Line,
  };
}

async function types(turn: AsyncIterable<Event>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of turn) seen.push(event.type);
  return seen;
}

const APPROVAL = { id: "q1", tool_call_id: "t1", sender: "Shell", action: "run command", description: "d" };
const answerTo = async (kernel: RawPeer) => (await kernel.next()) as { id: string; result?: unknown; error?: unknown };

test("initialize, steer and cancel are plain calls", async () => {
  const { client, next, answer, refuse } = setUp();
  const initialized = client.initialize({ protocol_version: "1.10" });
  expect(await next()).toMatchObject({ method: "initialize", params: { protocol_version: "1.10" } });
  answer("1", { protocol_version: "1.10" });
  expect(await initialized).toEqual({ protocol_version: "1.10" });
  const steered = client.steer("s");
  expect(await next()).toMatchObject({ method: "steer", params: { user_input: "s" } });
  refuse("2", -32000, "No agent turn is in progress");
  await expect(steered).rejects.toMatchObject({ code: "no_turn" });
  const cancelled = client.cancel();
  expect(await next()).toMatchObject({ method: "cancel" });
  answer("3", {});
  await cancelled;
});

describe("a turn", () => {
  test("gives its events, then its result; events before the reader came are kept", async () => {
    const { client, next, event, answer } = setUp();
    const turn = client.prompt("go");
    const { id, params } = await next();
    expect(params).toEqual({ user_input: "go" });
    event("TurnBegin", { user_input: "go" });
    event("TurnEnd");
    answer(id, { status: "finished" });
    expect(await turn.result).toEqual({ status: "finished" });
    expect(await types(turn)).toEqual(["TurnBegin", "TurnEnd"]);
  });

  test("that fails ends its events and rejects", async () => {
    const { client, next, event, refuse } = setUp();
    const turn = client.prompt("go");
    const { id } = await next();
    event("TurnEnd");
    refuse(id, -32003, "boom");
    expect(await types(turn)).toEqual(["TurnEnd"]);
    await expect(turn.result).rejects.toMatchObject({ code: "provider_error", message: "boom" });
  });

  test("that nobody looks at is no unhandled rejection", async () => {
    const { client, next, refuse } = setUp();
    client.prompt("go");
    const { id } = await next();
    refuse(id, -32003, "boom");
    const cancelled = client.cancel();
    await next();
    refuse("2", -32000, "No agent turn is in progress");
    await expect(cancelled).rejects.toMatchObject({ code: "no_turn" });
  });

  test.each<[string, (transport: Transport, kernel: RawPeer) => void]>([
    ["closes its output", (_transport, kernel) => kernel.end()],
    ["is killed", ({ writable }) => void writable.destroy(new Error("killed"))],
  ])("settles when the kernel %s", async (_name, kill) => {
    const { client, next, event, transport, kernel } = setUp();
    const turn = client.prompt("go");
    await next();
    event("TurnBegin");
    const seen = types(turn);
    const steered = client.steer("s");
    await next();
    kill(transport, kernel);
    await expect(turn.result).rejects.toMatchObject({ code: "closed" });
    expect(await seen).toEqual(["TurnBegin"]);
    await expect(steered).rejects.toMatchObject({ code: "closed" });
    await client.closed;
    await expect(client.prompt("more").result).rejects.toMatchObject({ code: "closed" });
  });

  test("keeps its events when a second prompt is refused", async () => {
    const { client, next, event, answer, refuse } = setUp();
    const first = client.prompt("one");
    const one = await next();
    event("TurnBegin");
    const second = client.prompt("two");
    const two = await next();
    event("StepBegin", { n: 1 });
    refuse(two.id, -32000, "An agent turn is already in progress");
    await expect(second.result).rejects.toMatchObject({ code: "turn_in_progress" });
    event("TurnEnd");
    answer(one.id, { status: "finished" });
    expect(await types(first)).toEqual(["TurnBegin", "StepBegin", "TurnEnd"]);
    expect(await types(second)).toEqual([]);
  });

  test("follows another; events belong to the one that runs", async () => {
    const { client, next, event, answer } = setUp();
    const turns: Turn[] = [];
    for (const input of ["one", "two"]) {
      const turn = client.prompt(input);
      turns.push(turn);
      const { id } = await next();
      event("TurnBegin", { user_input: input });
      answer(id, { status: "finished" });
      await turn.result;
    }
    event("Notification");
    const inputs = await Promise.all(
      turns.map(async (turn) => {
        const seen: unknown[] = [];
        for await (const { payload } of turn) seen.push(payload);
        return seen;
      }),
    );
    expect(inputs).toEqual([[{ user_input: "one" }], [{ user_input: "two" }]]);
  });
});

describe("approvals", () => {
  test("without a handler are a no", async () => {
    const { ask, kernel } = setUp();
    ask("ApprovalRequest", APPROVAL);
    expect(await answerTo(kernel)).toMatchObject({
      id: "q1",
      result: { request_id: "q1", response: "reject", feedback: "" },
    });
  });

  test("get the host's decision under the kernel's id", async () => {
    const { ask, kernel } = setUp({
      onApproval: async (request) => ({ response: "approve", feedback: request.action, request_id: "mine" }) as never,
    });
    ask("ApprovalRequest", APPROVAL);
    expect(await answerTo(kernel)).toMatchObject({
      id: "q1",
      result: { request_id: "q1", response: "approve", feedback: "run command" },
    });
  });

  test.each<[string, HostHandlers]>([
    ["throws", { onApproval: () => Promise.reject(new Error("host bug")) }],
    ["decides nothing", { onApproval: async () => undefined as never }],
  ])("are no yes when the host %s", async (_name, handlers) => {
    const { ask, kernel } = setUp(handlers);
    ask("ApprovalRequest", APPROVAL);
    const line = await answerTo(kernel);
    expect(JSON.stringify(line.result ?? {})).not.toContain("approve");
    expect(line.error !== undefined || JSON.stringify(line.result).includes("reject")).toBe(true);
  });
});

describe("other requests", () => {
  const CALL = { id: "t1", name: "ext", arguments: "{}" };

  test("a tool call gets the host's value", async () => {
    const return_value = { is_error: false, output: "o", message: "", display: [] };
    const { ask, kernel } = setUp({ onToolCall: async () => return_value });
    ask("ToolCallRequest", CALL);
    expect(await answerTo(kernel)).toMatchObject({ id: "t1", result: { tool_call_id: "t1", return_value } });
  });

  test.each(["ToolCallRequest", "QuestionRequest", "Unheard"])("%s without a handler is an error", async (type) => {
    const { ask, kernel } = setUp();
    ask(type, CALL);
    expect(await answerTo(kernel)).toMatchObject({ id: "t1", error: { code: -32601 } });
  });

  test.each([
    [undefined],
    [null],
    [[]],
    ["x"],
    [{ type: "ApprovalRequest" }],
    [{ type: "ApprovalRequest", payload: 7 }],
  ])("malformed params are answered with an error: %j", async (params) => {
    const { kernel } = setUp({ onApproval: async () => ({ response: "approve" }) });
    kernel.sendJson({ jsonrpc: "2.0", id: "x", method: "request", ...(params === undefined ? {} : { params }) });
    expect(await answerTo(kernel)).toMatchObject({ id: "x", error: { code: expect.any(Number) } });
  });
});

describe("replay", () => {
  test("gives every event, then the counts", async () => {
    const { client, next, event, answer } = setUp();
    const seen: string[] = [];
    const replayed = client.replay(({ type }) => void seen.push(type));
    const { id, method } = await next();
    expect(method).toBe("replay");
    event("TurnBegin");
    event("TurnEnd");
    answer(id, { status: "finished", events: 2, requests: 0 });
    expect(await replayed).toEqual({ status: "finished", events: 2, requests: 0 });
    expect(seen).toEqual(["TurnBegin", "TurnEnd"]);

    const turn = client.prompt("go");
    const prompt = await next();
    event("TurnBegin");
    answer(prompt.id, { status: "finished" });
    expect(await types(turn)).toEqual(["TurnBegin"]);
  });

  test("asks the host nothing: old requests were answered long ago", async () => {
    const asked: string[] = [];
    const { client, next, ask, answer, refuse, kernel } = setUp({
      onApproval: async ({ id }) => {
        asked.push(id);
        return { response: "approve" };
      },
      onToolCall: async ({ id }) => {
        asked.push(id);
        return { is_error: false, output: "", message: "", display: [] };
      },
    });
    const replayed = client.replay(() => {});
    const { id } = await next();
    ask("ToolCallRequest", { id: "t1" });
    expect(await answerTo(kernel)).toMatchObject({ id: "t1", error: {} });
    const refused = client.replay(() => {});
    refuse((await next()).id, -32000, "An agent turn is already in progress");
    await expect(refused).rejects.toMatchObject({ code: "turn_in_progress" });
    ask("ApprovalRequest", APPROVAL);
    answer(id, { status: "finished", events: 0, requests: 2 });
    await replayed;
    expect(asked).toEqual([]);
    ask("ApprovalRequest", { ...APPROVAL, id: "q2" });
    await expect.poll(() => asked).toEqual(["q2"]);
  });

  test("settles when the kernel dies, and when the listener throws", async () => {
    const { client, next, event, kernel } = setUp();
    const replayed = client.replay(() => {
      throw new Error("host bug");
    });
    await next();
    event("TurnBegin");
    await expect(replayed).rejects.toThrow("host bug");
    kernel.end();
    await expect(client.replay(() => {})).rejects.toMatchObject({ code: "closed" });
  });
});

test("close settles what is open", async () => {
  const { client, next } = setUp();
  const turn = client.prompt("go");
  await next();
  const seen = types(turn);
  await client.close();
  await expect(turn.result).rejects.toMatchObject({ code: "closed" });
  expect(await seen).toEqual([]);
});
