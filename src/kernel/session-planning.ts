/** Questions and plan mode of one session, put together from what the runtime has. */
import { questionResult } from "../wire/validators/client-request.js";
import type { ApprovalGate } from "./approval/approval-gate.js";
import type { ClientCapabilities, KernelOptions } from "./kernel.js";
import { PlanGuard } from "./planning/plan-guard.js";
import { SessionPlanMode } from "./planning/session-plan-mode.js";
import { ClientQuestions } from "./questions/client-questions.js";
import type { ToolContext } from "./tools/tool.js";
import type { Toolset } from "./tools/toolset.js";
import type { TurnRecorder } from "./turn/turn-recorder.js";

export interface SessionPlanningDeps {
  options: KernelOptions;
  recorder: TurnRecorder;
  gate: ApprovalGate;
  context: ToolContext;
  /** What the client can show; it may change while nothing runs. */
  capabilities: () => ClientCapabilities;
}

export interface SessionPlanning {
  planMode: SessionPlanMode;
  /** Holds a set of tools to plan mode; every caller of tools gets a guarded one. */
  guard(tools: Toolset): Toolset;
}

/** Fills `context.services.questions` and `.planMode`. */
export function sessionPlanning(deps: SessionPlanningDeps): SessionPlanning {
  const { options, recorder, gate, context, capabilities } = deps;
  const { config, flags, shareDir, logger } = options;
  const planMode = new SessionPlanMode({
    state: recorder.log.state,
    recorder,
    sessionId: recorder.log.sessionId,
    shareDir,
    supported: () => capabilities().planMode,
    start: { always: flags.plan, new: config.default_plan_mode },
  });
  context.services.planMode = planMode;
  context.services.questions = new ClientQuestions({
    recorder,
    supported: () => capabilities().question,
    unattended: () => gate.mode.afk,
    parse: (answer) => {
      const parsed = questionResult.safeParse(answer);
      return parsed.success ? parsed.data : null;
    },
    logger,
  });
  return { planMode, guard: (tools) => new PlanGuard(tools, planMode) };
}
