/** Subagents and background tasks of one session, put together from what the runtime has. */
import { join } from "node:path";
import type { PromptFacts } from "./agent-spec/prompt-template.js";
import { AgentRunner } from "./agents/agent-runner.js";
import { agentTypes } from "./agents/agent-type.js";
import { ModelProviders } from "./agents/model-providers.js";
import type { ApprovalGate } from "./approval/approval-gate.js";
import { resolveModel } from "./config/resolve-model.js";
import type { Hooks } from "./hooks/hooks.js";
import type { ClientName, KernelOptions } from "./kernel.js";
import type { ProcessGroups } from "./processes/process-groups.js";
import { sessionPrompt } from "./prompt/session-prompt.js";
import { subagentPrompt } from "./prompt/subagent-prompt.js";
import type { ChatProvider } from "./providers/provider.js";
import type { BackgroundWork } from "./session/background-work.js";
import type { WireRecord } from "./storage/replay.js";
import { BackgroundTasks } from "./tasks/background-tasks.js";
import { TaskNotices } from "./tasks/task-notices.js";
import { TaskRegistry } from "./tasks/task-registry.js";
import { TaskStore } from "./tasks/task-store.js";
import type { SessionToolset } from "./tools/session-toolset.js";
import type { ToolContext } from "./tools/tool.js";
import type { Toolset } from "./tools/toolset.js";
import type { TurnRecorder } from "./turn/turn-recorder.js";

export interface SessionAgentsDeps {
  options: KernelOptions;
  recorder: TurnRecorder;
  gate: ApprovalGate;
  hooks: Hooks;
  processes: ProcessGroups;
  context: ToolContext;
  toolset: SessionToolset;
  /** Holds an agent's tools to plan mode too. */
  guard: (tools: Toolset) => Toolset;
  /** The session's driver. */
  provider: () => Promise<ChatProvider>;
  client: () => ClientName | null;
  turnSourceId: () => string;
  freshCallId: () => string;
  /** Everything that was ever recorded for a client, in order; read lazily. */
  records: () => Iterable<WireRecord>;
  /** What the system text of an agent may say of its surroundings. */
  facts: () => PromptFacts;
}

export interface SessionAgents {
  notices: BackgroundWork;
  /** Ends tasks and the drivers of other models. Never throws. */
  close(): Promise<void>;
}

/** Fills `context.services.agents` and `.tasks`. The caller closes what it gets, before the session's log. */
export function sessionAgents(deps: SessionAgentsDeps): SessionAgents {
  const { options, recorder, gate, hooks, processes, context, toolset } = deps;
  const { config, logger, env, shareDir } = options;
  const providers = new ModelProviders({
    sessionAlias: options.model?.alias ?? null,
    session: deps.provider,
    resolve: (alias) => resolveModel({ config, flags: { model: alias, thinking: null }, env }),
    create: async (model) => {
      const { createProvider } = await import("./providers/registry.js");
      return await createProvider(model, { logger, shareDir, client: deps.client() });
    },
  });
  const agents = new AgentRunner({
    recorder,
    gate,
    hooks,
    types: agentTypes(options.agent, {
      own: (role) => subagentPrompt(deps.facts(), context.additionalDirs, role),
      file: (agent) => sessionPrompt(agent, deps.facts()),
    }),
    toolset: ({ tools, excluded }, { capabilities }) =>
      deps.guard(toolset.inContext({ capabilities, ...agentSurroundings(context) }, { toolNames: tools, excluded })),
    provider: (alias) => providers.get(alias),
    loop: config.loop_control,
    workDir: context.workDir,
    turnSourceId: deps.turnSourceId,
    planMode: () => context.services.planMode?.active ?? false,
    random: Math.random,
    freshCallId: deps.freshCallId,
    logger,
  });
  const store = new TaskStore(join(recorder.log.dir, "tasks"));
  const note = recorder.note.bind(recorder);
  const registry = new TaskRegistry({ store, config: config.background, note, logger });
  context.services.agents = agents;
  context.services.tasks = new BackgroundTasks({
    registry,
    store,
    config: config.background,
    agents,
    processes,
    workDir: context.workDir,
    env: context.env,
  });
  return {
    notices: new TaskNotices({
      ...{ registry, recorder, hooks, logger },
      config: config.background,
      records: deps.records,
    }),
    close: async () => {
      await registry.close();
      await providers.close();
    },
  };
}

/** A list of its own, and nothing that only the session's own agent may ask for. */
function agentSurroundings({ services }: ToolContext): Pick<ToolContext, "todos" | "services"> {
  let todos: ReturnType<ToolContext["todos"]["get"]> = [];
  return {
    todos: {
      get: () => todos,
      set: (items) => {
        todos = items;
      },
    },
    services: { ...services, questions: null, agents: null, tasks: null, dmail: null },
  };
}
