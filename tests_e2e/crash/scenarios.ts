/** The table of the crash tests: where a kernel dies, in which turn, and what has to come of it. */
import type { ExpectedRow } from "./oracle.js";

export interface Scenario {
  /** Name of the row; the states that are counted are those before the blank. */
  name: string;
  /** Steps of the turn, as turn-plan.ts reads them. */
  steps: string;
  /** The plan of the fail points; "" for none. */
  failPoints: string;
  /** What the host does while the first approval waits. */
  meanwhile?: "cancel" | "steer";
  hooks?: readonly string[];
  /** Tokens of the model's window. */
  window?: number;
  /** SIGKILL at a random time of the turn instead of a place. */
  random?: true;
  expected: Omit<ExpectedRow, "marks">;
}

const DONE = { outcome: "finished", unknown: "none" } as const;
const ONE_UNKNOWN = { outcome: "finished", unknown: "exactly_one" } as const;

const ALL_TOOLS = "text 20, shell | text 10, read, edit, append, client | text 15";
const SHELL = "text 12, shell | text 12";
const EDIT = "text 12, edit | text 12";
const APPEND = "text 12, append | text 12";
const READ = "text 12, read | text 12";
const CLIENT = "text 12, client | text 12";
const SLOW = "text 8, slow | text 8";

/** Every state of a turn in which a kernel can die, and what must come of it. */
export const KILLS: readonly Scenario[] = [
  { name: "spawned", steps: ALL_TOOLS, failPoints: "spawned:kill@1", expected: DONE },
  { name: "before_initialize", steps: ALL_TOOLS, failPoints: "before_initialize:kill@1", expected: DONE },
  { name: "idle", steps: ALL_TOOLS, failPoints: "idle:kill@1", expected: DONE },
  { name: "prompt_accepted", steps: ALL_TOOLS, failPoints: "prompt_accepted:kill@1", expected: DONE },
  { name: "event_recorded", steps: ALL_TOOLS, failPoints: "event_recorded#2:kill@1", expected: DONE },
  { name: "model_request", steps: ALL_TOOLS, failPoints: "model_request:kill@1", expected: DONE },
  { name: "model_request later", steps: ALL_TOOLS, failPoints: "model_request#2:kill@1", expected: DONE },
  { name: "model_stream text", steps: ALL_TOOLS, failPoints: "model_stream#7:kill@1", expected: DONE },
  { name: "model_stream in a call", steps: ALL_TOOLS, failPoints: "model_stream#22:kill@1", expected: DONE },
  { name: "model_stream last piece", steps: "text 9", failPoints: "model_stream#9:kill@1", expected: DONE },
  { name: "stream_ended", steps: ALL_TOOLS, failPoints: "stream_ended:kill@1", expected: DONE },
  { name: "call_found", steps: ALL_TOOLS, failPoints: "call_found:kill@1", expected: DONE },
  { name: "call_planned", steps: ALL_TOOLS, failPoints: "call_planned:kill@1", expected: DONE },
  { name: "approval_asked", steps: ALL_TOOLS, failPoints: "approval_asked:kill@1", expected: DONE },
  { name: "approval_answered", steps: ALL_TOOLS, failPoints: "approval_answered:kill@1", expected: DONE },
  { name: "intent_recorded command", steps: SHELL, failPoints: "intent_recorded:kill@1", expected: ONE_UNKNOWN },
  { name: "intent_recorded edit", steps: EDIT, failPoints: "intent_recorded:kill@1", expected: DONE },
  { name: "intent_recorded append", steps: APPEND, failPoints: "intent_recorded:kill@1", expected: DONE },
  { name: "intent_recorded read", steps: READ, failPoints: "intent_recorded:kill@1", expected: DONE },
  { name: "tool_running command", steps: SLOW, failPoints: "tool_running:kill@1", expected: ONE_UNKNOWN },
  { name: "tool_running edit", steps: EDIT, failPoints: "tool_running:kill@1", expected: DONE },
  { name: "tool_running client's", steps: CLIENT, failPoints: "tool_running:kill@1", expected: DONE },
  { name: "result_unrecorded command", steps: SHELL, failPoints: "result_unrecorded:kill@1", expected: ONE_UNKNOWN },
  { name: "result_unrecorded edit", steps: EDIT, failPoints: "result_unrecorded:kill@1", expected: DONE },
  { name: "result_unrecorded append", steps: APPEND, failPoints: "result_unrecorded:kill@1", expected: DONE },
  { name: "result_unrecorded read", steps: READ, failPoints: "result_unrecorded:kill@1", expected: DONE },
  { name: "result_unrecorded client's", steps: CLIENT, failPoints: "result_unrecorded:kill@1", expected: DONE },
  { name: "result_recorded", steps: ALL_TOOLS, failPoints: "result_recorded:kill@1", expected: DONE },
  { name: "step_stored", steps: ALL_TOOLS, failPoints: "step_stored:kill@1", expected: DONE },
  {
    name: "compaction",
    steps: "text 900, read | text 900, shell | text 10",
    window: 5_000,
    failPoints: "compaction:kill@1",
    expected: DONE,
  },
  {
    name: "rotated",
    steps: "text 900, read | text 900, shell | text 10",
    window: 5_000,
    failPoints: "rotated:kill@1",
    expected: DONE,
  },
  { name: "steer_recorded", steps: SHELL, failPoints: "steer_recorded:kill@1", meanwhile: "steer", expected: DONE },
  {
    name: "cancel_recorded",
    steps: SHELL,
    failPoints: "cancel_recorded:kill@1",
    meanwhile: "cancel",
    expected: { outcome: "cancelled", unknown: "none" },
  },
  { name: "hook_asked", steps: SHELL, hooks: ["PreToolUse"], failPoints: "hook_asked:kill@1", expected: DONE },
  { name: "question_asked", steps: "text 5, ask | text 5", failPoints: "question_asked:kill@1", expected: DONE },
  { name: "client_tool_asked", steps: CLIENT, failPoints: "client_tool_asked:kill@1", expected: DONE },
  { name: "turn_end_recorded", steps: SHELL, failPoints: "turn_end_recorded:kill@1", expected: DONE },
  { name: "turn_ended", steps: SHELL, failPoints: "turn_ended:kill@1", expected: DONE },
  { name: "replay", steps: ALL_TOOLS, failPoints: "model_stream#7:kill@1,replay:kill@2", expected: DONE },
  { name: "shutdown", steps: SHELL, failPoints: "shutdown:kill", expected: DONE },
];

/** Deaths of a successor, other ways to die, and the limits. */
export const OTHERS: readonly Scenario[] = [
  { name: "exit", steps: ALL_TOOLS, failPoints: "approval_answered:exit@1", expected: DONE },
  { name: "hang", steps: ALL_TOOLS, failPoints: "model_stream#7:hang@1", expected: DONE },
  { name: "lost", steps: ALL_TOOLS, failPoints: "call_planned:lost@1", expected: DONE },
  {
    name: "twice elsewhere",
    steps: ALL_TOOLS,
    failPoints: "model_stream#7:kill@1,result_recorded:kill@2",
    expected: DONE,
  },
  {
    name: "twice at one place",
    steps: SHELL,
    failPoints: "model_request#2:kill@1,model_request:kill@2",
    expected: { outcome: "error", unknown: "none" },
  },
];

/** At any time, wherever the turn is. */
export const RANDOM: Scenario = {
  name: "random",
  steps: ALL_TOOLS,
  failPoints: "",
  random: true,
  expected: { outcome: "finished", unknown: "at_most_one" },
};
