/** What stands beside Wire 1.10 for a client that asked for it by name, and what everybody else does not see. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { type KernelProcess, type Message, startKernel } from "./kernel-process.js";
import { callReply, finish, gate, startModelServer, textDelta, textReply } from "./model-server.js";
import { readLines, sessionDir } from "./session-records.js";
import { payloads, runTurn, text } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const ALL = ["seq/1", "resume/1", "heartbeat/1", "grants/1"];

interface Stamp {
  seq: number;
  epoch: number;
  prev: number;
}

function ask(kernel: KernelProcess, ...extensions: string[]): Promise<Message> {
  return kernel.initialize({ capabilities: { extensions } });
}

/** Events and requests, each with its params. */
function shown(messages: readonly Message[]): Message[] {
  return messages.filter(({ method }) => method === "event" || method === "request");
}

function stamps(messages: readonly Message[]): Stamp[] {
  return shown(messages).map(({ params }) => params as unknown as Stamp);
}

/** A named session whose kernels all get the same extensions. */
function named(workspace: Workspace, env: Record<string, string> = {}) {
  const id = randomUUID();
  return { id, start: () => startKernel(workspace, { args: ["--session", id], env }) };
}

describe("negotiation", () => {
  it("E-001 names that are known are on and repeated, others ignored; each initialize replaces the one before", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a"), say("b")] }));
    expect((await ask(kernel, ...ALL)).result?.capabilities).toMatchObject({ extensions: ALL });
    expect((await ask(kernel, "grants/1", "x/1", "seq/2")).result?.capabilities).toMatchObject({
      extensions: ["grants/1"],
    });
    expect((await ask(kernel, "x/1")).result?.capabilities).toMatchObject({ extensions: [] });
    for (const capabilities of [undefined, null, {}, { extensions: [] }]) {
      await ask(kernel, "seq/1");
      const { result } = await kernel.initialize(capabilities === undefined ? {} : { capabilities });
      expect(result?.capabilities).not.toHaveProperty("extensions");
    }
    const { messages } = await runTurn(kernel, "x");
    expect(shown(messages).flatMap(({ params }) => Object.keys(params ?? {}))).toEqual(
      shown(messages).flatMap(() => ["type", "payload"]),
    );
  });

  it("E-002 methods of an extension that is off are -32601 as any unknown one; malformed params are -32602", async () => {
    const kernel = startKernel(createWorkspace());
    const failure = async (method: string, params?: unknown) => (await kernel.call(method, params)).error;
    const unknown = (method: string) => ({ code: -32601, message: `Unexpected method received: ${method}` });
    for (const names of [[], ["seq/1", "grants/1"]]) {
      await ask(kernel, ...names);
      expect(await failure("resume", { turn_id: "t" })).toMatchObject(unknown("resume"));
      expect(await failure("ping")).toMatchObject(unknown("ping"));
      expect(await failure("nonsense")).toMatchObject(unknown("nonsense"));
    }
    await ask(kernel, ...ALL);
    for (const params of [undefined, {}, { turn_id: 1 }, { turn_id: "t", action: "go" }]) {
      expect(await failure("resume", params)).toMatchObject({ code: -32602 });
    }
    expect(await failure("resume", { turn_id: "t" })).toMatchObject({
      code: -32000,
      message: "No agent turn is in progress",
    });
    expect(await failure("replay", { since: -1 })).toMatchObject({ code: -32602 });
    expect(await failure("prompt", { user_input: "x", client_id: "" })).toMatchObject({ code: -32602 });
  });

  it("E-005 a burst in one write: what comes behind an initialize meets the extensions it asked for", async () => {
    const kernel = startKernel(createWorkspace());
    const capabilities = { extensions: ["heartbeat/1"] };
    const initialize = { jsonrpc: "2.0", id: "1", method: "initialize" };
    const ping = { jsonrpc: "2.0", id: "2", method: "ping" };
    const params = { protocol_version: "1.10", capabilities };
    kernel.raw([{ ...initialize, params }, ping].map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect((await kernel.response("2")).result).toEqual({});
  });

  it("E-003 who asks for nothing sees the same without a key more, and nothing more in the session's files", async () => {
    const scripts = [script(say("a"), say("b"), shell("c1", "echo ok")), say("done")];
    const lines = async (extensions: string[]) => {
      const workspace = createWorkspace({ scripts });
      const kernel = startKernel(workspace);
      await ask(kernel, ...extensions);
      const turn = await runTurn(kernel, "x", (request) => kernel.approve(request));
      const session = sessionDir(workspace);
      expect((await kernel.close()).code).toBe(0);
      return { turn, wire: readLines(join(session, "wire.jsonl")), context: readLines(join(session, "context.jsonl")) };
    };
    const [plain, extended] = [await lines([]), await lines(ALL)];
    for (const { method, params } of plain.turn.messages) {
      expect(["event", "request"]).toContain(method);
      expect(Object.keys(params ?? {})).toEqual(["type", "payload"]);
    }
    const typesOf = (messages: Message[]) => shown(messages).map(({ params }) => params?.type);
    expect(typesOf(extended.turn.messages)).toEqual(typesOf(plain.turn.messages));
    const keys = (value: unknown) => JSON.stringify(value).match(/"[a-z_]+":/g);
    expect(keys(extended.wire)).toEqual(keys(plain.wire));
    expect(keys(extended.context)).toEqual(keys(plain.context));
  });

  it("E-004 a client of the 1.2 age gets none, whatever it asks for", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [say("a")] }), { args: ["--wire-compat", "1.2"] });
    expect((await ask(kernel, ...ALL)).result?.capabilities).toMatchObject({ extensions: [] });
    expect((await kernel.call("ping")).error).toMatchObject({ code: -32601 });
    for (const stamp of stamps((await runTurn(kernel, "x")).messages)) expect(stamp).not.toHaveProperty("seq");
  });
});

describe("seq/1", () => {
  it("E-011 seq grows over turns and kernels, epoch with every kernel, prev names what came before in the turn", async () => {
    const session = named(createWorkspace({ scripts: [script(say("a"), shell("c1", "echo ok")), say("b"), say("c")] }));
    const turns: Stamp[][] = [];
    for (const inputs of [["one", "two"], ["three"]]) {
      const kernel = session.start();
      await ask(kernel, "seq/1");
      for (const input of inputs) {
        turns.push(stamps((await runTurn(kernel, input, (request) => kernel.approve(request))).messages));
      }
      await kernel.close();
    }
    expect(turns.map((turn) => turn.length > 4)).toEqual([true, true, true]);
    for (const turn of turns) {
      expect(turn.map(({ prev }) => prev)).toEqual([0, ...turn.slice(0, -1).map(({ seq }) => seq)]);
    }
    const seqs = turns.flat().map(({ seq }) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const epochs = turns.map((turn) => [...new Set(turn.map(({ epoch }) => epoch))]);
    expect(epochs[0]).toEqual(epochs[1]);
    expect(epochs[2]?.[0]).toBeGreaterThan(epochs[0]?.[0] ?? Infinity);
  });

  it("E-012 after a kill: open_turn, then replay {since} sends what followed, requests shown and not asked", async () => {
    const workspace = createWorkspace({ scripts: [script(say("a"), say("b"), shell("c1", "echo ok"))] });
    const session = named(workspace);
    const first = session.start();
    await ask(first, ...ALL);
    first.request("prompt", { user_input: "x", client_id: "p1" });
    await first.serverRequest("ApprovalRequest");
    await first.kill();
    const seen = shown(first.log);
    const second = session.start();
    const opened = await ask(second, ...ALL);
    const newest = stamps(seen).at(-1)?.seq;
    expect(opened.result?.open_turn).toMatchObject({ turn_id: expect.any(String), seq: newest });
    for (const from of [0, 3]) {
      const rest = seen.slice(from);
      const start = second.log.length;
      const answer = await second.call("replay", { since: from === 0 ? 0 : stamps(seen)[from - 1]?.seq });
      expect(answer.result).toEqual({ status: "finished", events: rest.length - 1, requests: 1 });
      const again = shown(second.log.slice(start));
      const bare = ({ params }: Message) => {
        const { grant: _asked, ...recorded } = params as unknown as Record<string, unknown>;
        return recorded;
      };
      expect(again.map(bare)).toEqual(rest.map(bare));
      expect(again.at(-1)).toMatchObject({ method: "request", params: { type: "ApprovalRequest" } });
      expect(again.some((message) => "id" in message)).toBe(false);
    }
    expect((await second.call("replay", { since: newest })).result).toMatchObject({ events: 0, requests: 0 });
  });

  it("E-013 plain replay is as without it", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [script(say("a"), say("b"))] }));
    await ask(kernel, "seq/1");
    await runTurn(kernel, "x");
    for (const params of [undefined, {}]) {
      const start = kernel.log.length;
      expect((await kernel.call("replay", params)).result).toMatchObject({ status: "finished" });
      const sent = shown(kernel.log.slice(start));
      expect(payloads(sent, "ContentPart")).toEqual([{ type: "text", text: "ab" }]);
      for (const stamp of stamps(sent)) expect(stamp).not.toHaveProperty("seq");
    }
  });
});

describe("heartbeat/1", () => {
  it("E-021 every two seconds: idle, then what the turn waits for; ping is answered meanwhile", async () => {
    const hold = gate();
    const server = await startModelServer([
      [textDelta("a"), hold.held, ...finish("stop")],
      callReply("c1", "Shell", { command: "echo ok" }),
      textReply("done"),
    ]);
    const kernel = startKernel(createWorkspace({ config: server.config() }));
    const beat = async (waits: string[], turn: boolean) => {
      const fits = (m: Message) => {
        const params = m.params as unknown as Record<string, unknown>;
        return (
          m.method === "heartbeat" && params.turn === turn && JSON.stringify(params.waits) === JSON.stringify(waits)
        );
      };
      const { params } = await kernel.next(fits, `a heartbeat with ${waits}`, 5_000);
      return params as unknown as Record<string, unknown>;
    };
    await ask(kernel, "heartbeat/1");
    expect((await beat([], false)).rss).toBeGreaterThan(10_000_000);
    const prompt = kernel.request("prompt", { user_input: "x" });
    expect(await beat(["model"], true)).toEqual({ turn: true, waits: ["model"], idle_ms: 0, rss: expect.any(Number) });
    expect((await kernel.call("ping")).result).toEqual({});
    hold.open();
    await kernel.response(prompt);
    const second = kernel.request("prompt", { user_input: "y" });
    const request = await kernel.serverRequest("ApprovalRequest");
    expect((await beat(["approval"], true)).idle_ms).toBe(0);
    kernel.approve(request);
    await kernel.response(second);
  });

  it("E-022 the heart keeps no kernel alive", async () => {
    const kernel = startKernel(createWorkspace());
    await ask(kernel, "heartbeat/1");
    expect(await kernel.close(1_500)).toEqual({ code: 0, signal: null });
  });
});

describe("grants/1", () => {
  const write = (id: string) => call(id, "WriteFile", { path: `${id}.txt`, content: "x" });

  it("E-031 a request says what approve_for_session would allow, to those who asked", async () => {
    const scripts = [write("w1"), shell("c1", "git status"), shell("c2", "rm -rf x"), say("done")];
    const workspace = createWorkspace({ scripts });
    const grants: unknown[] = [];
    const kernel = startKernel(workspace);
    await ask(kernel, "grants/1");
    await runTurn(kernel, "x", (request) => {
      grants.push(request.params?.grant);
      kernel.approve(request);
    });
    expect(grants).toEqual([
      { kind: "edit", text: "edit files in the workspace" },
      { kind: "command", text: expect.stringContaining("git status") },
      null,
    ]);
  });

  it("E-032 /grants lists what was approved and revokes it, also after a restart", async () => {
    const workspace = createWorkspace({
      scripts: [write("w1"), say("a"), write("w2"), say("b"), write("w3"), say("c")],
    });
    const session = named(workspace);
    let kernel = session.start();
    const said = async (input: string) => text((await runTurn(kernel, input)).messages);
    const asked = async () => {
      let count = 0;
      await runTurn(kernel, "write", (request) => {
        count += 1;
        kernel.approve(request, "approve_for_session");
      });
      return count;
    };
    expect(await said("/grants")).toBe("Nothing is approved for this session.");
    expect(await asked()).toBe(1);
    expect(await asked()).toBe(0);
    await kernel.close();
    kernel = session.start();
    const listed = await said("/grants");
    const id = / ([0-9a-f]{12}): edit files in the workspace\n/.exec(listed)?.[1];
    expect(id).toBeDefined();
    expect(await said("/grants revoke 0")).toBe("No grant has the id 0.");
    expect(await said("/grants drop")).toBe("Usage: /grants, or /grants revoke <id>");
    expect(await said(`/grants revoke ${id}`)).toBe("Asked again from now on: edit files in the workspace");
    expect(await said("/grants")).toBe("Nothing is approved for this session.");
    expect(await asked()).toBe(1);
  });
});
