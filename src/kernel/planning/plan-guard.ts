/**
 * Read-only while planning, for every caller of the session's tools, in this one place. The listed tools stay as they
 * are. Reading and asking go on; the plan file may be written unasked; other edits are refused. What a command, a
 * request or an MCP tool does cannot be told from outside, so a person decides each one: no grant and no mode counts.
 * What has no question of its own (the client's tools) is refused.
 */
import type { ToolDefinition } from "../providers/provider.js";
import { type ExecuteContext, type PreparedCall, type ToolReturn, toolError } from "../tools/tool.js";
import type { CallableTool, CallContext, Toolset } from "../tools/toolset.js";

/** What the guard needs to know of plan mode. */
export interface PlanState {
  readonly active: boolean;
  readonly planFile: string;
  /** Where the plan file really lies, to compare with resolved paths. */
  realPlanFile(): Promise<string>;
}

/** A toolset whose calls keep to plan mode. */
export class PlanGuard implements Toolset {
  readonly #tools: Toolset;
  readonly #plan: PlanState;

  constructor(tools: Toolset, plan: PlanState) {
    this.#tools = tools;
    this.#plan = plan;
  }

  definitions(): Promise<readonly ToolDefinition[]> {
    return this.#tools.definitions();
  }

  async find(name: string): Promise<CallableTool | null> {
    const tool = await this.#tools.find(name);
    return tool === null ? null : new GuardedCall(tool, this.#plan);
  }
}

class GuardedCall implements CallableTool {
  readonly name: string;
  readonly #tool: CallableTool;
  readonly #plan: PlanState;

  constructor(tool: CallableTool, plan: PlanState) {
    this.name = tool.name;
    this.#tool = tool;
    this.#plan = plan;
  }

  exclusiveKey(argumentsJson: string | null): string | null {
    return this.#tool.exclusiveKey(argumentsJson);
  }

  async prepare(argumentsJson: string | null, call: CallContext): Promise<PreparedCall | ToolReturn> {
    const prepared = await this.#tool.prepare(argumentsJson, call);
    if (!("execute" in prepared)) return prepared;
    if (prepared.effect === "none") return prepared;
    const onPlan = await this.#touchesOnlyPlan(prepared);
    if (prepared.effect === "read") return onPlan ? { ...prepared, ask: null } : prepared;
    if (!this.#plan.active) return onPlan ? prepared : this.#checkedLate(prepared);
    if (onPlan) return { ...prepared, ask: null };
    if (prepared.effect === "write" || prepared.ask === null) return this.#refusal(prepared);
    return { ...prepared, ask: { ...prepared.ask, byPersonOnly: true } };
  }

  /** Plan mode may begin between the question and the act; then the answer was to another question. */
  #checkedLate(prepared: PreparedCall): PreparedCall {
    const execute = (run: ExecuteContext): Promise<ToolReturn> =>
      this.#plan.active ? Promise.resolve(this.#refusal(prepared)) : prepared.execute(run);
    return { ...prepared, execute };
  }

  #refusal(prepared: PreparedCall): ToolReturn {
    if (prepared.effect === "write") {
      const message = `Plan mode is active. You may only edit the current plan file: \`${this.#plan.planFile}\`.`;
      return toolError(message, "Plan mode restriction");
    }
    const message = `Plan mode is active. \`${this.name}\` may change things, so it does not run while planning.`;
    return toolError(message, "Plan mode restriction");
  }

  async #touchesOnlyPlan({ effect, ask, after = [] }: PreparedCall): Promise<boolean> {
    const paths = effect === "write" ? after.map(({ path }) => path) : [];
    if (ask?.subject.kind === "read_outside") paths.push(ask.subject.path);
    if (paths.length === 0) return false;
    const plan = await this.#plan.realPlanFile();
    return paths.every((path) => path === plan);
  }
}
