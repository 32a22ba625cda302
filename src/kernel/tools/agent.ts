import * as z from "zod/mini";
import { ProviderError } from "../providers/provider.js";
import { agentInterrupted } from "../storage/tool-message.js";
import { AgentFailure, type AgentResult, type AgentRun, type Agents } from "./services/agents.js";
import { TaskRefused, type Tasks } from "./services/tasks.js";
import { startedTaskText, taskDisplay } from "./support/task-text.js";
import { defineTool, type ToolReturn, toolError, toolOk } from "./tool.js";

const MIN_TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 3_600;

const parameters = z.object({
  description: z.string().check(z.describe("3 to 5 words")),
  prompt: z.string().check(z.describe("the whole task; it sees nothing else")),
  subagent_type: z._default(z.string().check(z.describe("coder, explore (read-only), plan")), "coder"),
  model: z.optional(z.nullable(z.string())),
  resume: z.optional(z.nullable(z.string().check(z.describe("agent_id to go on with")))),
  run_in_background: z.optional(z.boolean()),
  timeout: z.optional(z.nullable(z.int().check(z.gte(MIN_TIMEOUT_S), z.lte(MAX_TIMEOUT_S)))),
});

/** Hands a task to another agent; several calls in one step run beside each other. */
export const agent = defineTool({
  name: "Agent",
  description: "Give a task to a subagent with its own context; you get its report.",
  describe: ({ agents }) => customTypes(agents),
  parameters,
  listed: ["description", "prompt", "subagent_type", "resume", "run_in_background"],
  async prepare(args, { services }, _signal) {
    const { agents, tasks } = services;
    if (agents === null) return toolError("There are no subagents here.", "Not supported");
    if (args.prompt.trim() === "") return toolError("The prompt cannot be empty.", "Empty prompt");
    const request = {
      description: args.description,
      prompt: args.prompt,
      subagentType: args.subagent_type,
      model: args.model || null,
      resume: args.resume || null,
      timeoutS: args.timeout ?? null,
    };
    return {
      ask: null,
      effect: "none",
      execute: async ({ toolCallId, signal, agent: earlier }) => {
        if (earlier?.background === true) return interrupted(earlier.agentId);
        if (args.run_in_background === true) return await inBackground({ ...request, toolCallId }, tasks);
        const known = earlier === undefined ? {} : { resume: earlier.agentId, earlier };
        return await inForeground({ ...request, toolCallId, ...known }, agents, signal);
      },
    };
  },
});

async function inForeground(request: AgentRun, agents: Agents, signal: AbortSignal): Promise<ToolReturn> {
  try {
    return toolOk(report(await agents.run(request, signal)));
  } catch (error) {
    return failed(error);
  }
}

async function inBackground(request: AgentRun, tasks: Tasks | null): Promise<ToolReturn> {
  if (tasks === null) return toolError("Nothing can run in the background here.", "Not supported");
  try {
    const task = await tasks.startAgent(request);
    const extra = [`agent_id: ${task.agentId}`, `actual_subagent_type: ${task.actualType}`];
    return toolOk(startedTaskText(task, extra), "Background task started.", [taskDisplay(task)]);
  } catch (error) {
    return failed(error);
  }
}

/** Its task ended with the kernel that ran it; a second one would do the work twice. */
function interrupted(agentId: string): ToolReturn {
  const { message } = agentInterrupted(agentId);
  return toolError(message, "Interrupted");
}

function report({ agentId, resumed, actualType, text }: AgentResult): string {
  return `agent_id: ${agentId}\nresumed: ${resumed}\nactual_subagent_type: ${actualType}\nstatus: completed\n\n[summary]\n${text}`;
}

/** What the model can act on is a result; everything else is thrown on. */
function failed(error: unknown): ToolReturn {
  if (error instanceof AgentFailure || error instanceof TaskRefused) return toolError(error.message, error.brief);
  if (!(error instanceof ProviderError)) throw error;
  const { statusCode, message } = error;
  return statusCode === null
    ? toolError(`LLM API error when running agent: ${message}`, "API error")
    : toolError(`LLM API error (HTTP ${statusCode}) when running agent: ${message}`, `API error (${statusCode})`);
}

/** The types that the schema of the call names. */
const BUILTIN_TYPES: ReadonlySet<string> = new Set(["coder", "explore", "plan"]);

function customTypes(agents: Agents | null): string {
  const types = agents?.types.filter(({ name }) => !BUILTIN_TYPES.has(name)) ?? [];
  if (types.length === 0) return "";
  const each = types.map(({ name, description }) => (description === "" ? name : `${name} (${description})`));
  return `More types: ${each.join(", ")}.`;
}
