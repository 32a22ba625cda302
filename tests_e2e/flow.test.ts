/** Flows and the Ralph loop: a turn inside the turn for each node, the model's choices, and every way out. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, say, script, shell } from "./echo-scripts.js";
import { event, status, textPart } from "./expected-events.js";
import { startKernel } from "./kernel-process.js";
import { conversation, sessionIds, storedTitle, wireTypes } from "./session-records.js";
import { putFlow } from "./skill-files.js";
import { payloads, runTurn, text, types } from "./turn.js";
import { createWorkspace, setScripts, type WorkspaceOptions } from "./workspace.js";

const PICK = "flowchart TD\nA([BEGIN]) --> B{Pick one}\nB -->|yes| C[Do C]\nB -->|no| D([END])\nC --> D";
const LINE = "graph LR\nBEGIN --> a[First] --> b(Second) --> END";
const BRANCHES = "\n\nAvailable branches:\n- yes\n- no\n\nReply with a choice using <choice>...</choice>.";
const NODE = ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"];

function withFlow(diagram: string, options: WorkspaceOptions = {}, language = "mermaid") {
  const workspace = createWorkspace(options);
  putFlow(join(workspace.workDir, ".kimi/skills"), "fl", diagram, language);
  return workspace;
}

const begins = (messages: Parameters<typeof payloads>[0]) =>
  payloads(messages, "TurnBegin").map(({ user_input }) => user_input);

describe("flows", () => {
  it("S-201 a turn for each node, the same prompt and a correction after an invalid choice, the label picks the arrow", async () => {
    const scripts = [
      say("hmm <choice>maybe</choice>"),
      say("no <choice>no</choice> <choice> yes </choice>"),
      say("did C"),
    ];
    const workspace = withFlow(PICK, { scripts });
    const turn = await runTurn(startKernel(workspace), "/flow:fl");
    const again = expect.stringMatching(
      /^Pick one\n\nAvailable branches:[\s\S]*<\/choice>\.\n\n.+<choice>\.\.\.<\/choice>\.$/,
    );
    const node = (user_input: unknown, said: string) => [
      event("TurnBegin", { user_input }),
      event("StepBegin", { n: 1 }),
      textPart(said),
      status,
      event("TurnEnd"),
    ];
    expect(turn.messages).toEqual([
      event("TurnBegin", { user_input: "/flow:fl" }),
      ...node(`Pick one${BRANCHES}`, "hmm <choice>maybe</choice>"),
      ...node(again, "no <choice>no</choice> <choice> yes </choice>"),
      ...node("Do C", "did C"),
      event("TurnEnd"),
    ]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(
      conversation(workspace).map(({ role, id, content }) => id ?? `${role} ${String(content).slice(0, 6)}`),
    ).toEqual([
      ...[0, "user Pick o", 1, "assistant hmm <c", 2, "user Pick o", 3, "assistant no <ch"],
      ...[4, "user Do C", 5, "assistant did C"],
    ]);
    expect(storedTitle(workspace)).toBeNull();
  });

  it("S-202 what stands behind the command goes to the first node", async () => {
    const workspace = withFlow(LINE, { scripts: [say("1"), say("2")] });
    const turn = await runTurn(startKernel(workspace), "/flow:fl in blue");
    expect(begins(turn.messages)).toEqual(["/flow:fl in blue", "First\n\nUser request:\nin blue", "Second"]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("S-203 an invalid flow is an ordinary skill; calling the flow says what is wrong", async () => {
    const faults: Record<string, string> = {
      "graph TD\nA([BEGIN]) --> B[x]": "END",
      "graph TD\nA[x] --> B([END])": "BEGIN",
      "graph TD\nA([BEGIN]) --> B{q}\nB --> C([END])\nB -->|no| B": "label",
      "graph TD\nA([BEGIN]) --> B{q}\nB -->|no| C([END])\nB -->|no| B": '"no"',
      "graph TD\nA([BEGIN]) --> B[x] --> B\nC([END])": "no way",
      "graph TD\nA([BEGIN]) ~~~ C([END])": "line 2",
      "sequenceDiagram\nA->>B: x": "line 1",
    };
    for (const [diagram, reason] of Object.entries(faults)) {
      const kernel = startKernel(withFlow(diagram, { scripts: [say("as a skill")] }));
      const commands = (await kernel.initialize()).result?.slash_commands as { name: string }[];
      const own = commands.map(({ name }) => name).filter((name) => name.endsWith(":fl"));
      expect(own, diagram).toEqual(["skill:fl"]);
      const turn = await runTurn(kernel, "/flow:fl go");
      expect(types(turn.messages)).toEqual(["TurnBegin", "ContentPart", "TurnEnd"]);
      expect(text(turn.messages)).toContain("The flow fl cannot run: ");
      expect(text(turn.messages)).toContain(reason);
      expect(turn.response.result).toEqual({ status: "finished" });
      expect(text((await runTurn(kernel, "/skill:fl")).messages)).toBe("as a skill");
    }
  });

  it("S-204 D2 works as well", async () => {
    const diagram =
      "BEGIN -> a -> pick\na: |md\n  # Look\n  around\n|\npick: Good? {shape: diamond}\npick -> END: yes\npick -> a: no";
    const scripts = [say("1"), say("<choice>no</choice>"), say("2"), say("<choice>yes</choice>")];
    const turn = await runTurn(startKernel(withFlow(diagram, { scripts }, "d2")), "/flow:fl");
    const pick = `Good?${BRANCHES}`;
    expect(begins(turn.messages)).toEqual(["/flow:fl", "# Look\naround", pick, "# Look\naround", pick]);
  });

  it("S-205 a rejection stops the flow; the prompt is finished and the model is not asked again", async () => {
    const workspace = withFlow(LINE, { scripts: [shell("t1", "touch x"), say("never")] });
    const kernel = startKernel(workspace);
    const turn = await runTurn(kernel, "/flow:fl", (request) => kernel.approve(request, "reject"));
    expect(types(turn.messages).slice(-3)).toEqual(["ToolResult", "TurnEnd", "TurnEnd"]);
    expect(begins(turn.messages)).toEqual(["/flow:fl", "First"]);
    expect(turn.response.result).toEqual({ status: "finished" });
  });

  it("S-206 cancel in a node: each TurnBegin has its TurnEnd, then cancelled; the next prompt works", async () => {
    const workspace = withFlow(LINE, { scripts: [say("1"), shell("t1", "sleep 30"), say("after")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    const id = kernel.request("prompt", { user_input: "/flow:fl" });
    await kernel.event("ToolCall");
    await kernel.event("StatusUpdate");
    expect((await kernel.call("cancel")).result).toEqual({});
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    const seen = types(kernel.log);
    expect(seen.slice(-2)).toEqual(["TurnEnd", "TurnEnd"]);
    expect(seen.filter((type) => type === "TurnBegin").length).toBe(seen.filter((type) => type === "TurnEnd").length);
    expect(text((await runTurn(kernel, "on")).messages)).toBe("after");
  });

  it("S-207 a provider error in a node: StepInterrupted, both TurnEnds, -32003", async () => {
    const turn = await runTurn(startKernel(withFlow(LINE, { scripts: ["error: 400 nope"] })), "/flow:fl");
    expect(types(turn.messages)).toEqual([
      "TurnBegin",
      "TurnBegin",
      "StepBegin",
      "StepInterrupted",
      "TurnEnd",
      "TurnEnd",
    ]);
    expect(turn.response.error).toMatchObject({ code: -32003, message: "nope" });
  });

  it("S-208 a node that reaches the limit of steps ends the flow with it; without a model it does not begin", async () => {
    const loop_control = { max_steps_per_turn: 1 };
    const workspace = withFlow(LINE, { scripts: [call("t1", "SetTodoList", { todos: [] })], config: { loop_control } });
    const turn = await runTurn(startKernel(workspace), "/flow:fl");
    expect(turn.response.result).toEqual({ status: "max_steps_reached", steps: 1 });
    const bare = await runTurn(startKernel(withFlow(LINE), { args: ["--model", "nope"] }), "/flow:fl");
    expect(types(bare.messages)).toEqual(["TurnBegin", "TurnEnd"]);
    expect(bare.response.error?.code).toBe(-32001);
  });

  it("S-209 a steer during a node enters there, and the queue stays open for the nodes behind it", async () => {
    const EXT = { name: "ext", description: "d", parameters: { type: "object" } };
    const scripts = [call("t1", "ext"), say("1"), call("t2", "ext"), say("2")];
    const kernel = startKernel(withFlow(LINE, { scripts }));
    await kernel.initialize({ external_tools: [EXT] });
    let n = 0;
    const turn = await runTurn(kernel, "/flow:fl", async (request) => {
      n += 1;
      expect((await kernel.call("steer", { user_input: `steer ${n}` })).result).toEqual({ status: "steered" });
      const return_value = { is_error: false, output: "o", message: "", display: [] };
      kernel.answer(request, { tool_call_id: request.id, return_value });
    });
    expect(payloads(turn.messages, "SteerInput")).toEqual([{ user_input: "steer 1" }, { user_input: "steer 2" }]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect((await kernel.call("steer", { user_input: "late" })).error?.code).toBe(-32000);
  });

  it("S-210 a kernel that is killed in a node: the next one closes every open turn, and replay is balanced", async () => {
    const workspace = withFlow(LINE, { scripts: [say("1"), shell("t1", "sleep 30")] });
    const kernel = startKernel(workspace, { args: ["--yolo"] });
    kernel.request("prompt", { user_input: "/flow:fl" });
    await kernel.event("ToolCall");
    await kernel.event("StatusUpdate");
    await kernel.kill();
    setScripts(workspace, [say("again")]);
    const next = startKernel(workspace, { args: ["--session", sessionIds(workspace)[0] ?? ""] });
    await runTurn(next, "go on");
    const recorded = wireTypes(workspace);
    expect(recorded.filter((type) => type === "TurnBegin").length).toBe(4);
    expect(recorded.filter((type) => type === "TurnEnd").length).toBe(4);
  });
});

describe("the Ralph loop", () => {
  it("S-221 the prompt is a node, then the model chooses CONTINUE or STOP; the title is the prompt's", async () => {
    const scripts = [say("one"), say("<choice>CONTINUE</choice>"), say("<choice>STOP</choice>")];
    const workspace = createWorkspace({ scripts });
    const turn = await runTurn(startKernel(workspace, { args: ["--max-ralph-iterations", "5"] }), "task");
    expect(types(turn.messages)).toEqual(["TurnBegin", ...NODE, ...NODE, ...NODE, "TurnEnd"]);
    const decision = expect.stringMatching(/^task\. [\s\S]+\n\nAvailable branches:\n- CONTINUE\n- STOP\n\n/);
    expect(begins(turn.messages)).toEqual(["task", [{ type: "text", text: "task" }], decision, decision]);
    expect(turn.response.result).toEqual({ status: "finished" });
    expect(storedTitle(workspace)).toBe("task");
  });

  it("S-222 the limit of iterations ends it as max_steps_reached with all steps; slash commands are not repeated", async () => {
    const scripts = [say("one"), say("<choice>CONTINUE</choice>")];
    const kernel = startKernel(createWorkspace({ scripts, config: { loop_control: { max_ralph_iterations: 1 } } }));
    expect(types((await runTurn(kernel, "/clear")).messages)).toEqual([
      "TurnBegin",
      "ContentPart",
      "StatusUpdate",
      "TurnEnd",
    ]);
    expect((await runTurn(kernel, "task")).response.result).toEqual({ status: "max_steps_reached", steps: 2 });
  });

  it("S-223 -1 is endless, and cancel ends it", async () => {
    const scripts = [
      say("one"),
      ...Array.from({ length: 5 }, () => say("<choice>CONTINUE</choice>")),
      shell("t", "sleep 30"),
    ];
    const kernel = startKernel(createWorkspace({ scripts }), { args: ["--max-ralph-iterations", "-1", "--yolo"] });
    const id = kernel.request("prompt", { user_input: "task" });
    await kernel.event("ToolCall");
    await kernel.call("cancel");
    expect((await kernel.response(id)).result).toEqual({ status: "cancelled" });
    expect(types(kernel.log).slice(-2)).toEqual(["TurnEnd", "TurnEnd"]);
  });

  it("S-224 an error in a decision ends the prompt as one", async () => {
    const kernel = startKernel(createWorkspace({ scripts: [script(say("one")), "error: 400 stop"] }), {
      args: ["--max-ralph-iterations", "2"],
    });
    const turn = await runTurn(kernel, "task");
    expect(types(turn.messages).slice(-3)).toEqual(["StepInterrupted", "TurnEnd", "TurnEnd"]);
    expect(turn.response.error).toMatchObject({ code: -32003, message: "stop" });
  });
});
