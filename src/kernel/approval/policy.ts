import type { ApprovalAsk } from "../tools/tool.js";
import type { PathGuard } from "./path-guard.js";

/** `yolo`: approve everything. `afk`: nobody is there to answer; approves as yolo does. */
export interface ApprovalMode {
  yolo: boolean;
  afk: boolean;
}

export interface PolicyFacts {
  ask: ApprovalAsk;
  mode: ApprovalMode;
  /** Session grants cover the subject. */
  covered: boolean;
  /** What the path of the subject guards; null for an ordinary one and for subjects without a path. */
  guard: PathGuard | null;
}

/** `via` names why an action is allowed; `reason` is one sentence for the model and the user. */
export type PolicyDecision =
  | { decision: "allow"; via: "mode" | "grant" }
  | { decision: "ask" }
  | { decision: "deny"; reason: string };

/**
 * Pure. The first row that fits decides:
 *
 * | subject | guard | mode | covered | decision |
 * |---|---|---|---|---|
 * | edit | kernel_state | any | any | deny: a tool must not rewrite what was recorded or approved |
 * | edit | unknown | yolo or afk | any | deny: it may be one of those |
 * | any, by a person only | any | afk | any | deny |
 * | any, by a person only | any | other | any | ask |
 * | any | any | yolo or afk | any | allow |
 * | edit | control, build_script, unknown | normal | any | ask: the file decides what runs later |
 * | read_outside | control, kernel_state, unknown | normal | any | ask |
 * | any | | normal | yes | allow |
 * | any | | normal | no | ask |
 */
export function decide({ ask, mode, covered, guard }: PolicyFacts): PolicyDecision {
  const { subject } = ask;
  if (subject.kind === "edit" && guard === "kernel_state") {
    return {
      decision: "deny",
      reason: `\`${subject.path}\` is part of the kernel's own records; tools may not change it.`,
    };
  }
  const byMode = mode.yolo || mode.afk;
  if (subject.kind === "edit" && guard === "unknown" && byMode) {
    return { decision: "deny", reason: `\`${subject.path}\` could not be checked, so it may not be changed unasked.` };
  }
  if (ask.byPersonOnly === true) {
    return mode.afk
      ? { decision: "deny", reason: "Only a person may approve this now, and nobody is there." }
      : { decision: "ask" };
  }
  if (byMode) return { decision: "allow", via: "mode" };
  if (subject.kind === "edit" && guard !== null) return { decision: "ask" };
  if (subject.kind === "read_outside" && guard !== null && guard !== "build_script") return { decision: "ask" };
  return covered ? { decision: "allow", via: "grant" } : { decision: "ask" };
}
