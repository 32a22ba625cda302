import { describe, expect, it } from "vitest";
import { ProviderError } from "../providers/provider.js";
import { agent } from "./agent.js";
import { AgentFailure, type AgentRun, type Agents } from "./services/agents.js";
import { TaskRefused, type Tasks } from "./services/tasks.js";
import { call, contextOf } from "./testing/call-tool.js";
import { NO_SERVICES, type ToolServices } from "./tool.js";

const CALL = { description: "d", prompt: "p" };

/** A fake that keeps what it is asked and ends as the test says. */
function fakes(end: () => Promise<string> = async () => "words") {
  const asked: AgentRun[] = [];
  const agents: Agents = {
    types: [],
    run: async (request) => {
      asked.push(request);
      return { agentId: "a12345678", resumed: false, actualType: request.subagentType, text: await end() };
    },
  };
  const startAgent: Tasks["startAgent"] = async (request) => {
    asked.push(request);
    await end();
    const view = { taskId: "agent-12345678", kind: "agent", status: "starting", description: "d" } as const;
    return { ...view, command: null, exitCode: null, agentId: "a12345678", actualType: "coder" };
  };
  return { asked, services: { ...NO_SERVICES, agents, tasks: { startAgent } as Tasks } satisfies ToolServices };
}

const run = (args: unknown, services: ToolServices) => call(agent, args, contextOf("/w", { services }));

function apiError(statusCode: number | null): ProviderError {
  return new ProviderError("bad", { errorType: "APIStatusError", code: "x", retryable: false, statusCode });
}

describe("Agent", () => {
  it("gives the report in the published form, with the defaults of the call", async () => {
    const { asked, services } = fakes();
    expect(await run(CALL, services)).toEqual({
      isError: false,
      output: "agent_id: a12345678\nresumed: false\nactual_subagent_type: coder\nstatus: completed\n\n[summary]\nwords",
      message: "",
      display: [],
    });
    expect(asked).toEqual([
      { ...CALL, toolCallId: "call", subagentType: "coder", model: null, resume: null, timeoutS: null },
    ]);
  });

  it("hands on what was asked; empty texts count as none", async () => {
    const { asked, services } = fakes();
    await run({ ...CALL, subagent_type: "plan", model: "m", resume: "a1", timeout: 30 }, services);
    await run({ ...CALL, model: "", resume: "" }, services);
    expect(asked).toMatchObject([
      { subagentType: "plan", model: "m", resume: "a1", timeoutS: 30 },
      { model: null, resume: null },
    ]);
  });

  it("starts a task in the background and says what comes next", async () => {
    const { services } = fakes();
    const result = await run({ ...CALL, run_in_background: true }, services);
    expect(result).toMatchObject({
      isError: false,
      message: "Background task started.",
      display: [{ type: "background_task", task_id: "agent-12345678", kind: "agent", status: "starting" }],
    });
    expect(result.output).toMatch(
      /^task_id: agent-12345678\nkind: agent\nstatus: starting\ndescription: d\nagent_id: a12345678\nactual_subagent_type: coder\nautomatic_notification: true\nnext_step: You will be automatically notified when it completes\.\n/,
    );
  });

  it.each([
    [apiError(400), "LLM API error (HTTP 400) when running agent: bad", "API error (400)"],
    [apiError(null), "LLM API error when running agent: bad", "API error"],
    [new AgentFailure("no such agent", "Agent not found"), "no such agent", "Agent not found"],
    [new TaskRefused("too many", "Too many background tasks"), "too many", "Too many background tasks"],
  ])("%s is a result for the model", async (error, message, brief) => {
    const { services } = fakes(() => Promise.reject(error));
    for (const run_in_background of [false, true]) {
      expect(await run({ ...CALL, run_in_background }, services)).toEqual({
        isError: true,
        output: "",
        message,
        display: [{ type: "brief", text: brief }],
      });
    }
  });

  it("throws on what is no business of the model", async () => {
    const { services } = fakes(() => Promise.reject(new Error("cancelled")));
    await expect(run(CALL, services)).rejects.toThrow("cancelled");
  });

  it("says where there are no agents, and refuses an empty prompt", async () => {
    expect(await run(CALL, NO_SERVICES)).toMatchObject({ isError: true, message: "There are no subagents here." });
    const { services, asked } = fakes();
    expect(await run({ ...CALL, prompt: " \n" }, services)).toMatchObject({ isError: true });
    const alone = { ...services, tasks: null };
    expect(await run({ ...CALL, run_in_background: true }, alone)).toMatchObject({ isError: true });
    expect(asked).toEqual([]);
  });

  it("names the types of an agent file, and says nothing of the usual ones", () => {
    const types = (...names: string[]) => ({ types: names.map((name) => ({ name, description: `is ${name}` })) });
    const describeWith = (...names: string[]) =>
      agent.describe?.({ ...NO_SERVICES, agents: { ...types(...names), run: () => Promise.reject(new Error("no")) } });
    expect(describeWith("coder", "explore", "plan")).toBe("");
    expect(describeWith("coder", "reviewer")).toBe("More types: reviewer (is reviewer).");
  });
});
