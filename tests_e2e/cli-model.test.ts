/** Which model answers, and what is said when none can: every failure is one sentence, and the next prompt works. */
import { describe, expect, it } from "vitest";
import { closedPort, modelAt, sayText, startFakeModelServer } from "./fake-model-server.js";
import { startKernel } from "./kernel-process.js";
import { runTurn, text, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

/** A sentence for a person: not empty, no stack, no page of HTML. */
const SENTENCE = expect.stringMatching(/^(?!.*\n\s+at )[^<]{3,600}$/s);

describe("no model", () => {
  it("B-100 an unknown alias starts, and the prompt answers -32001", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["text: no"] }), { args: ["--model", "nope"] });
    expect(await kernel.initialize()).toMatchObject({ result: { protocol_version: "1.10" } });
    for (let round = 0; round < 2; round++) {
      const turn = await runTurn(kernel, "hi");
      expect(turn.response.error).toMatchObject({ code: -32001, message: "LLM is not set" });
      expect(types(turn.messages)).toEqual(["TurnBegin", "TurnEnd"]);
    }
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
  });

  it("B-101 no configuration at all: starts, -32001, slash commands work", async () => {
    const workspace = createWorkspace();
    const kernel = startKernel(workspace, { bare: true });
    await kernel.initialize();
    const turn = await runTurn(kernel, "hi");
    expect(turn.response.error).toMatchObject({ code: -32001, message: "LLM is not set" });
    expect((await runTurn(kernel, "/unknowncmd")).response.result).toEqual({ status: "finished" });
    expect(kernel.stderr).toBe("");
  });
});

describe("a server that fails", () => {
  const failures: readonly (readonly [string, number, string, string])[] = [
    [
      "wrong key",
      401,
      '{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}',
      "application/json",
    ],
    ["forbidden", 403, '{"error":{"message":"No access."}}', "application/json"],
    ["unknown model", 404, '{"error":{"message":"The model does not exist."}}', "application/json"],
    ["page of a proxy", 502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"],
    ["empty body", 500, "", "text/plain"],
    ["garbage", 500, "\u0000\u0001\u0002{{{", "application/octet-stream"],
  ];

  it.each(failures)(
    "B-102 %s: -32003 with one sentence, and the next prompt works",
    async (_what, status, body, type) => {
      let healthy = false;
      const server = await startFakeModelServer((_request, response) => {
        if (healthy) return sayText(response, "well again");
        response.writeHead(status, { "content-type": type });
        response.end(body);
      });
      const kernel = startKernel(createWorkspace({ config: modelAt(server.url) }));
      await kernel.initialize();
      const failed = await runTurn(kernel, "hi");
      expect(failed.response.error).toMatchObject({ code: -32003, message: SENTENCE });
      expect(types(failed.messages)).toEqual(["TurnBegin", "StepBegin", "StepInterrupted", "TurnEnd"]);
      expect(failed.response.error?.message).not.toContain("test-key");
      healthy = true;
      const next = await runTurn(kernel, "again");
      expect(next.response.result).toEqual({ status: "finished" });
      expect(text(next.messages)).toBe("well again");
    },
  );

  it("B-103 an unreachable server: -32003 with one sentence, and the next prompt works", async () => {
    const port = await closedPort();
    const workspace = createWorkspace({ config: modelAt(`http://127.0.0.1:${port}/v1`) });
    const kernel = startKernel(workspace);
    const failed = await runTurn(kernel, "hi");
    expect(failed.response.error).toMatchObject({ code: -32003, message: SENTENCE });
    const again = await runTurn(kernel, "hi");
    expect(again.response.error).toMatchObject({ code: -32003 });
    expect((await runTurn(kernel, "/unknowncmd")).response.result).toEqual({ status: "finished" });
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
  });

  it("B-104 a host that does not exist, and a URL that is none, are one sentence too", async () => {
    // A URL that is none may count as a model that is not set.
    const rows: readonly (readonly [string, number[]])[] = [
      ["http://no-such-host.invalid/v1", [-32003]],
      ["not a url", [-32003, -32001]],
      ["ftp://127.0.0.1/v1", [-32003, -32001]],
    ];
    for (const [url, codes] of rows) {
      const kernel = startKernel(createWorkspace({ config: modelAt(url) }));
      const failed = await runTurn(kernel, "hi");
      expect(failed.response.error, url).toMatchObject({ message: SENTENCE });
      expect(codes).toContain(failed.response.error?.code);
      expect((await kernel.call("cancel")).error?.code).toBe(-32000);
      expect(kernel.noise).toEqual([]);
    }
  });

  it("B-105 a server that accepts and says nothing: cancel works at once", async () => {
    const server = await startFakeModelServer(() => {});
    const kernel = startKernel(createWorkspace({ config: modelAt(server.url) }));
    const prompt = kernel.request("prompt", { user_input: "hi" });
    await kernel.event("StepBegin");
    const begin = Date.now();
    expect(await kernel.call("cancel")).toMatchObject({ result: {} });
    expect(await kernel.response(prompt)).toMatchObject({ result: { status: "cancelled" } });
    expect(Date.now() - begin).toBeLessThan(1_000);
  });
});

describe("precedence", () => {
  it("B-106 flag before environment before file", async () => {
    const heard: string[] = [];
    const say = (name: string) => (_request: unknown, response: Parameters<typeof sayText>[0]) => {
      heard.push(name);
      sayText(response, name);
    };
    const file = await startFakeModelServer(say("file"));
    const environment = await startFakeModelServer(say("environment"));
    const provider = (url: string) => ({ type: "kimi", base_url: url, api_key: "k" });
    const model = (name: string) => ({ provider: name, model: name, max_context_size: 100_000 });
    const config = {
      default_model: "first",
      models: { first: model("first"), second: { ...model("second"), provider: "plain" } },
      providers: { first: provider(file.url), plain: { ...provider(file.url), type: "openai_legacy" } },
    };
    const workspace = createWorkspace({ config });
    const ask = async (env: Record<string, string>, args: string[] = []) => {
      const kernel = startKernel(workspace, { env, args });
      const turn = await runTurn(kernel, "who?");
      await kernel.close();
      return text(turn.messages);
    };
    expect(await ask({})).toBe("file");
    expect(await ask({ KIMI_BASE_URL: environment.url })).toBe("environment");
    expect(await ask({ KERNEL_BASE_URL: environment.url, KIMI_BASE_URL: file.url })).toBe("environment");
    expect(await ask({ KIMI_BASE_URL: environment.url }, ["--model", "second"])).toBe("file");
    expect(heard).toHaveLength(4);
  });

  it("B-107 --max-steps-per-turn is stronger than the file", async () => {
    const call = (id: string) => `tool_call: {"id":"${id}","name":"nothing_of_that_name"}`;
    const scripts = ["a", "b", "c", "d"].map(call);
    const config = { loop_control: { max_steps_per_turn: 3 } };
    const inFile = await runTurn(startKernel(createWorkspace({ scripts, config })), "go");
    expect(inFile.response.result).toEqual({ status: "max_steps_reached", steps: 3 });
    const args = ["--max-steps-per-turn", "2"];
    const onFlag = await runTurn(startKernel(createWorkspace({ scripts, config }), { args }), "go");
    expect(onFlag.response.result).toEqual({ status: "max_steps_reached", steps: 2 });
  });
});
