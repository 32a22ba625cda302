/** What a hook said, and how the end of a hook command is read (wire.md 3.8). */
import type { ProcessExit } from "../processes/process-groups.js";

export interface HookOutcome {
  action: "allow" | "block";
  /** "" unless blocked, and often then too. */
  reason: string;
}

/** A hook that gave no usable answer, with a sentence on why. */
export interface HookFailure {
  action: "failed";
  problem: string;
}

export const ALLOWED: HookOutcome = { action: "allow", reason: "" };

const BLOCK_CODE = 2;

/** Exit 2 is a no with stderr as its reason; exit 0 an allow unless stdout is a JSON object that denies. Pure. */
export function judgeExit(exit: ProcessExit, stdout: string, stderr: string): HookOutcome | HookFailure {
  if (exit.code === BLOCK_CODE) return { action: "block", reason: stderr.trim() };
  if (exit.code === 0) return judgeOutput(stdout.trim());
  return failed(exit.code === null ? `was killed by ${exit.signal}` : `failed with exit code ${exit.code}`);
}

/** A failure; `problem` follows the words "The hook". */
export function failed(problem: string): HookFailure {
  return { action: "failed", problem };
}

/** Plain text is no decision and no mistake; what begins like JSON was meant as one. */
function judgeOutput(text: string): HookOutcome | HookFailure {
  if (!text.startsWith("{")) return ALLOWED;
  let decision: unknown;
  let reason: unknown;
  try {
    const output = (JSON.parse(text) as { hookSpecificOutput?: Record<string, unknown> | null }).hookSpecificOutput;
    decision = output?.permissionDecision;
    reason = output?.permissionDecisionReason;
  } catch {
    return failed("printed malformed JSON");
  }
  if (decision === "deny") return { action: "block", reason: typeof reason === "string" ? reason : "" };
  const known = decision === undefined || decision === null || decision === "allow" || decision === "ask";
  return known ? ALLOWED : failed("printed an unknown decision");
}
