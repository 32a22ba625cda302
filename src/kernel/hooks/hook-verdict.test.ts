import { expect, it } from "vitest";
import { judgeExit } from "./hook-verdict.js";

const exit = (code: number | null) => ({ code, signal: code === null ? ("SIGKILL" as const) : null });
const decision = (hookSpecificOutput: unknown) => JSON.stringify({ hookSpecificOutput });
const allow = { action: "allow", reason: "" };

it.each<[string, number | null, string, string, object]>([
  ["exit 0", 0, "", "", allow],
  ["exit 0 with words", 0, "all fine\n", "noise", allow],
  ["exit 0 with other JSON", 0, '[{"permissionDecision":"deny"}]', "", allow],
  ["exit 0 with an object of its own", 0, '{"ok":true}', "", allow],
  ["exit 0, allow", 0, decision({ permissionDecision: "allow" }), "", allow],
  ["exit 0, ask", 0, decision({ permissionDecision: "ask" }), "", allow],
  ["exit 0, no output object", 0, decision(null), "", allow],
  [
    "exit 0, deny",
    0,
    ` ${decision({ permissionDecision: "deny", permissionDecisionReason: "no rm" })}\n`,
    "",
    { action: "block", reason: "no rm" },
  ],
  ["exit 0, deny without a text", 0, decision({ permissionDecision: "deny" }), "", { action: "block", reason: "" }],
  ["exit 2", 2, decision({ permissionDecision: "allow" }), "  not here \n", { action: "block", reason: "not here" }],
  ["exit 2 without a word", 2, "", "", { action: "block", reason: "" }],
  [
    "exit 1",
    1,
    decision({ permissionDecision: "deny" }),
    "boom",
    { action: "failed", problem: "failed with exit code 1" },
  ],
  ["a signal", null, "", "", { action: "failed", problem: "was killed by SIGKILL" }],
  ["half a decision", 0, '{"hookSpecificOutput":', "", { action: "failed", problem: "printed malformed JSON" }],
  [
    "a wrong word",
    0,
    decision({ permissionDecision: "DENY" }),
    "",
    { action: "failed", problem: "printed an unknown decision" },
  ],
])("%s", (_name, code, stdout, stderr, expected) => {
  expect(judgeExit(exit(code), stdout, stderr)).toEqual(expected);
});
