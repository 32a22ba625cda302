/** The table of the crash tests: where a kernel dies, in which turn, and what has to come of it. */
import type { ExpectedRow } from "./oracle.js";

export interface Scenario {
  name: string;
  /** The state of a turn that it stands for (reliability.md, F1). */
  state: string;
  /** Steps of the turn, as turn-plan.ts reads them. */
  steps: string;
  /** The plan of the fail points; "" for none. */
  failPoints: string;
  /** What the host does while the first approval waits. */
  meanwhile?: "cancel" | "steer";
  hooks?: readonly string[];
  /** Tokens of the model's window. */
  window?: number;
  /** The model goes on behind words that are put into its mouth; else it is told to go on. */
  prefill?: true;
  /** There is an MCP server. */
  mcp?: true;
  /** `all`: the third kernel is a thread of the host. */
  ladder?: "sidecar" | "all";
  /** Every event comes twice over the wire. */
  stutter?: true;
  /** SIGKILL at a random time of the turn instead of a place. */
  random?: true;
  expected: Omit<ExpectedRow, "marks">;
}

const DONE = { outcome: "finished", unknown: "none" } as const;
const ONE_UNKNOWN = { outcome: "finished", unknown: "exactly_one" } as const;
const CANCELLED = { outcome: "cancelled", unknown: "none" } as const;
const ENDED = { outcome: "error", unknown: "none" } as const;

const ALL_TOOLS = "text 20, shell | text 10, read, edit, append, client | text 15";
const SHELL = "text 12, shell | text 12";
const EDIT = "text 12, edit | text 12";
const APPEND = "text 12, append | text 12";
const READ = "text 12, read | text 12";
const CLIENT = "text 12, client | text 12";
const SLOW = "text 8, slow | text 8";
const ASK = "text 5, ask | text 5";
const AGENT = "text 5, agent | text 8";
const MCP = "text 5, mcp | text 8";
const LONG = "text 900, read | text 900, shell | text 10";

/** Name, steps (all tools), what is special (nothing), what must come of it (all of it, once). */
type Row = [
  failPoints: string,
  name?: string,
  steps?: string,
  more?: Partial<Scenario>,
  expected?: Scenario["expected"],
];

function state(name: string, ...rows: Row[]): Scenario[] {
  return rows.map(([failPoints, row = failPoints, steps = ALL_TOOLS, more = {}, expected = DONE]) => {
    const plan = failPoints.split(",").map((point) => (point.includes(":") ? point : `${point}:kill@1`));
    return { name: row, state: name, steps, failPoints: plan.join(","), expected, ...more };
  });
}

/** Every state of a turn in which a kernel can die, and what must come of it. */
export const KILLS: readonly Scenario[] = [
  ...state("spawned", ["spawned"], ["spawned", "spawned with an MCP server", MCP, { mcp: true }]),
  ...state("before initialize", ["before_initialize"]),
  ...state("idle", ["idle"]),
  ...state(
    "prompt accepted",
    ["prompt_accepted"],
    ["event_recorded#2", "event_recorded"],
    ["hook_asked", "hook_asked for the prompt", SHELL, { hooks: ["UserPromptSubmit"] }],
  ),
  ...state("awaiting the model", ["model_request"], ["model_request#2", "model_request later"]),
  ...state(
    "in the stream",
    ["model_stream#7", "model_stream text"],
    ["model_stream#22", "model_stream in a call"],
    ["model_stream#9", "model_stream last piece", "text 9"],
    ["model_stream#7", "model_stream text, prefill", ALL_TOOLS, { prefill: true }],
    ["model_stream#9", "model_stream last piece, prefill", "text 9", { prefill: true }],
    ["model_stream#14", "model_stream of a subagent", AGENT],
  ),
  ...state(
    "call parsed",
    ["stream_ended"],
    ["call_found"],
    ["call_planned"],
    ["call_planned#2", "call_planned of a subagent", AGENT],
    ["call_planned", "call_planned of an MCP server", MCP, { mcp: true }],
  ),
  ...state(
    "awaiting approval",
    ["approval_asked"],
    ["approval_asked", "approval_asked by a subagent", AGENT],
    ["approval_asked", "approval_asked for an MCP server", MCP, { mcp: true }],
    ["hook_asked", "hook_asked", SHELL, { hooks: ["PreToolUse"] }],
    ["hook_asked", "hook_asked at the end", SHELL, { hooks: ["Stop"] }],
    ["question_asked", "question_asked", ASK],
    ["client_tool_asked", "client_tool_asked", CLIENT],
  ),
  ...state(
    "approval sent",
    ["approval_answered"],
    ["approval_answered", "approval_answered for an MCP server", MCP, { mcp: true }],
    ["steer_recorded", "steer_recorded", SHELL, { meanwhile: "steer" }],
    ["model_request#2", "model_request behind a steer", SHELL, { meanwhile: "steer" }],
    ["cancel_recorded", "cancel_recorded", SHELL, { meanwhile: "cancel" }, CANCELLED],
  ),
  ...state(
    "intent recorded",
    ["intent_recorded", "intent_recorded command", SHELL, {}, ONE_UNKNOWN],
    ["intent_recorded", "intent_recorded edit", EDIT],
    ["intent_recorded", "intent_recorded append", APPEND],
    ["intent_recorded", "intent_recorded read", READ],
  ),
  ...state(
    "tool running",
    ["tool_running", "tool_running command", SLOW, {}, ONE_UNKNOWN],
    ["tool_running", "tool_running edit", EDIT],
    ["tool_running", "tool_running client's", CLIENT],
    ["tool_running", "tool_running MCP server's", MCP, { mcp: true }, ONE_UNKNOWN],
  ),
  ...state(
    "result unrecorded",
    ["result_unrecorded", "result_unrecorded command", SHELL, {}, ONE_UNKNOWN],
    ["result_unrecorded", "result_unrecorded edit", EDIT],
    ["result_unrecorded", "result_unrecorded append", APPEND],
    ["result_unrecorded", "result_unrecorded read", READ],
    ["result_unrecorded", "result_unrecorded client's", CLIENT],
    ["result_unrecorded", "result_unrecorded question", ASK],
  ),
  ...state(
    "result recorded",
    ["result_recorded"],
    ["result_recorded", "result_recorded with hooks", SHELL, { hooks: ["PreToolUse", "PostToolUse"] }],
    ["result_recorded", "result_recorded of a subagent", AGENT],
    ["step_stored"],
    ["turn_end_recorded", "turn_end_recorded", SHELL],
    ["turn_ended", "turn_ended", SHELL],
  ),
  ...state(
    "compaction",
    ["compaction", "compaction", LONG, { window: 5_000 }],
    ["rotated", "rotated", LONG, { window: 5_000 }],
    ["compaction", "compaction with hooks", LONG, { window: 5_000, hooks: ["PreCompact", "PostCompact"] }],
  ),
  // What the host has not seen must be there to be replayed: a kernel that dies behind it died in the turn.
  ...state("replay", ["event_recorded#7,replay:kill@2", "replay"]),
  ...state("shutdown", ["shutdown:kill", "shutdown", SHELL]),
];

/** Deaths of a successor, other ways to die, the other rung, and the limits. */
export const OTHERS: readonly Scenario[] = [
  ...state(
    "other ways",
    ["approval_answered:exit@1", "exit"],
    ["model_stream#7,event_recorded#30:kill@2", "events twice on the wire", ALL_TOOLS, { stutter: true }],
    ["model_stream#7:hang@1", "hang"],
    // Where nothing is waited for by name: a lost model or tool cannot be told from a slow one.
    ["call_found:lost@1", "lost"],
  ),
  ...state(
    "second deaths",
    ["model_stream#7,result_recorded#2:kill@2", "twice elsewhere"],
    ["model_request#2,model_request:kill@2", "twice at one place", SHELL, {}, ENDED],
  ),
  ...state(
    "in the host",
    ["model_stream#7,result_recorded#2:kill@2", "a thread goes on", ALL_TOOLS, { ladder: "all" }],
    ["model_stream#7,result_recorded#2:kill@2,idle:throw@3", "a thread throws", ALL_TOOLS, { ladder: "all" }],
    ["model_stream#7,result_recorded#2:kill@2,model_stream#2:hang@3", "a thread hangs", ALL_TOOLS, { ladder: "all" }],
  ),
];

/** At any time, wherever the turn is. */
export const RANDOM: readonly Scenario[] = [
  ["random", ALL_TOOLS, {}],
  ["random with a subagent", "text 5, agent | text 5, mcp | text 8", { mcp: true }],
  ["random with hooks", `text 8, ask | ${SHELL}`, { hooks: ["PreToolUse", "PostToolUse", "Stop"], prefill: true }],
].map(([name, steps, more]) => ({
  ...(more as Partial<Scenario>),
  name: name as string,
  state: "random",
  steps: steps as string,
  failPoints: "",
  random: true,
  expected: { outcome: "finished", unknown: "at_most_one" },
}));
