/**
 * The whole kernel against a REAL llama-server. The model is a scripted GGUF: real engine, real chat template, real
 * stream and real prompt cache, but nothing about a model's quality. Skipped by name where no server can be had.
 */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { ensureLlamaServer, type LlamaServer, startLlamaServer } from "../scripts/llama-server.mjs";
import { scripts, writeScriptGguf } from "../scripts/script-gguf.mjs";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { payloads, runTurn, type Turn, text, types } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

// Reading a prompt of several thousand byte-sized tokens takes a busy machine a while; it is cached from then on.
const COLD_MS = 120_000;

let root: string | null = null;
let server: LlamaServer | null = null;
let unavailable = "the server was not started";

// Skipping in the hook would hide the reason, so each test skips itself with it.
beforeAll(async () => {
  const found = await ensureLlamaServer();
  if ("unavailable" in found) {
    unavailable = found.unavailable;
    return;
  }
  root = realpathSync(mkdtempSync(join(tmpdir(), "kernel-llama-")));
  const modelPath = join(root, "scripted.gguf");
  await writeScriptGguf(modelPath);
  // Twice what the kernel is told: [[loop]] must not end because it has no room left.
  server = await startLlamaServer({ modelPath, slots: 1, ctx: 32_768 });
}, 300_000);

afterAll(async () => {
  await server?.stop();
  if (root !== null) rmSync(root, { recursive: true, force: true });
});

/** A kernel with a session of its own. The work dir is the same for all tests, so that their prompts begin alike. */
function serve({ skip }: TestContext, args: string[] = []): { kernel: KernelProcess; workspace: Workspace } {
  if (server === null || root === null) {
    skip(`no llama-server: ${unavailable}`);
    throw new Error("unreachable");
  }
  const own = createWorkspace({
    config: {
      default_model: "local",
      models: { local: { provider: "llama", model: "scripted", max_context_size: 16_384 } },
      providers: { llama: { type: "openai_legacy", base_url: `${server.url}/v1`, api_key: "" } },
    },
  });
  const workspace = { ...own, workDir: join(root, "work") };
  mkdirSync(workspace.workDir, { recursive: true });
  return { kernel: startKernel(workspace, { args }), workspace };
}

const turnOf = (kernel: KernelProcess, input: string, onRequest?: (request: Message) => void): Promise<Turn> =>
  runTurn(kernel, input, onRequest, COLD_MS);

interface Usage {
  input_other: number;
  output: number;
  input_cache_read: number;
  input_cache_creation: number;
}

/** The usage of every model call of a turn. */
const usages = (turn: Turn): Usage[] =>
  payloads(turn.messages, "StatusUpdate").flatMap(({ token_usage }) => (token_usage ? [token_usage as Usage] : []));

const toolNames = (turn: Turn): string[] =>
  payloads(turn.messages, "ToolCall").map((call) => (call.function as { name: string }).name);

describe("real llama-server", { timeout: 2 * COLD_MS }, () => {
  it("B-130 plain text streams in several parts, with usage", async (context) => {
    const { kernel } = serve(context);
    await kernel.initialize();
    const turn = await turnOf(kernel, "hello");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(text(turn.messages)).toBe(scripts.plain);
    expect(payloads(turn.messages, "ContentPart").length).toBeGreaterThan(1);
    const [usage] = usages(turn);
    expect(usage?.output).toBeGreaterThan(3);
    expect((usage?.input_other ?? 0) + (usage?.input_cache_read ?? 0)).toBeGreaterThan(100);
  });

  it("B-131 [[tool]] asks, runs and goes on; the prompt cache holds over the tool turn", async (context) => {
    const { kernel } = serve(context);
    await kernel.initialize();
    const asked: unknown[] = [];
    const turn = await turnOf(kernel, "please [[tool]]", (request) => {
      asked.push(request.params?.payload.description);
      kernel.approve(request);
    });
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(asked).toEqual(["Run command `echo from-llama`"]);
    expect(payloads(turn.messages, "ToolResult")).toMatchObject([
      { return_value: { is_error: false, output: "from-llama\n" } },
    ]);
    expect(text(turn.messages)).toBe(scripts.done);
    const [first, second] = usages(turn) as [Usage, Usage];
    const firstInput = first.input_other + first.input_cache_read;
    expect(second.input_cache_read).toBeGreaterThan(firstInput * 0.9);
    const next = await turnOf(kernel, "and now plain text");
    expect(text(next.messages)).toBe(scripts.plain);
    expect((usages(next)[0] as Usage).input_cache_read).toBeGreaterThan(second.input_cache_read);
  });

  it("B-132 [[tool]] rejected: nothing runs and the turn ends", async (context) => {
    const { kernel } = serve(context);
    await kernel.initialize();
    const turn = await turnOf(kernel, "please [[tool]]", (request) => kernel.approve(request, "reject"));
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(payloads(turn.messages, "ToolResult")).toMatchObject([{ return_value: { is_error: true } }]);
    expect(types(turn.messages).filter((type) => type === "StepBegin")).toHaveLength(1);
  });

  it("B-133 [[tools]] runs two calls of one answer, each with its own id and result", async (context) => {
    const { kernel } = serve(context, ["--yolo"]);
    const turn = await turnOf(kernel, "both [[tools]]");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(toolNames(turn)).toEqual(["ReadFile", "Shell"]);
    const ids = payloads(turn.messages, "ToolCall").map(({ id }) => id);
    const answered = payloads(turn.messages, "ToolResult").map(({ tool_call_id }) => tool_call_id);
    expect(new Set(ids).size).toBe(2);
    expect([...answered].sort()).toEqual([...ids].sort());
    expect(text(turn.messages)).toBe(scripts.done);
  });

  it("B-134 [[think]] arrives as thinking, apart from the text", async (context) => {
    const { kernel } = serve(context);
    const turn = await turnOf(kernel, "slowly [[think]]");
    const parts = payloads(turn.messages, "ContentPart");
    const thought = parts.map((part) => (part.type === "think" ? String(part.think) : "")).join("");
    expect(thought.trim()).toBe("quiet reasoning comes first");
    expect(text(turn.messages).trim()).toBe("And then the visible answer, é 世界 ok.");
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("B-135 [[json]], a call that came as text, is recovered and run", async (context) => {
    const { kernel, workspace } = serve(context, ["--yolo"]);
    const turn = await turnOf(kernel, "as text [[json]]");
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(toolNames(turn)).toEqual(["ReadFile"]);
    expect(payloads(turn.messages, "ToolResult")).toHaveLength(1);
    expect(existsSync(join(workspace.workDir, "README.md"))).toBe(false);
    expect(text(turn.messages)).toContain(scripts.done);
  });

  it("B-136 [[loop]] never ends by itself; cancel ends it at once and frees the server", async (context) => {
    const { kernel } = serve(context);
    const prompt = kernel.request("prompt", { user_input: "on and on [[loop]]" });
    await kernel.event("ContentPart", COLD_MS);
    for (let seen = 0; seen < 5; seen++) await kernel.event("ContentPart");
    const begin = Date.now();
    expect(await kernel.call("cancel")).toMatchObject({ result: {} });
    expect(await kernel.response(prompt)).toMatchObject({ result: { status: "cancelled" } });
    expect(Date.now() - begin).toBeLessThan(1_000);
    // The only slot would still be busy if the server had not been told.
    const turn = await turnOf(kernel, "hello");
    expect(text(turn.messages)).toBe(scripts.plain);
  });

  it("B-137 a session goes on after a restart with the same prefix: the cache is still warm", async (context) => {
    const { kernel, workspace } = serve(context);
    const before = await turnOf(kernel, "hello");
    await kernel.close();
    const again = startKernel(workspace, { args: ["--continue"] });
    const after = await turnOf(again, "hello again");
    const [first, second] = [usages(before)[0] as Usage, usages(after)[0] as Usage];
    expect(second.input_cache_read).toBeGreaterThan((first.input_other + first.input_cache_read) * 0.9);
  });
});
