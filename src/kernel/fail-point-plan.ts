/** The places where a kernel can be made to fail on purpose, and the text that names some of them (docs/fail-points.md). */
import { KernelError } from "./errors.js";

/** True where the kernel waits, so that a promise can get lost there. What comes before each is in docs/fail-points.md. */
export const FAIL_POINTS = {
  spawned: false,
  before_initialize: false,
  idle: false,
  prompt_accepted: false,
  event_recorded: false,
  model_request: true,
  model_stream: true,
  stream_ended: false,
  call_found: true,
  call_planned: true,
  approval_asked: false,
  approval_answered: false,
  intent_recorded: false,
  tool_running: true,
  result_unrecorded: true,
  result_recorded: false,
  step_stored: false,
  compaction: false,
  rotated: false,
  steer_recorded: false,
  cancel_recorded: false,
  hook_asked: false,
  question_asked: false,
  client_tool_asked: false,
  turn_end_recorded: false,
  turn_ended: false,
  replay: false,
  shutdown: true,
} as const satisfies Readonly<Record<string, boolean>>;

export type FailPointName = keyof typeof FAIL_POINTS;

const ACTIONS = ["kill", "hang", "throw", "exit", "lost"] as const;

/** kill: SIGKILL to the process. hang: blocks its loop for ever. lost: what is awaited there never settles. */
export type FailAction = (typeof ACTIONS)[number];

export interface PlannedFailure {
  /** As it was written, without spaces: what the marker file knows it by. */
  text: string;
  name: FailPointName;
  action: FailAction;
  /** Only in the process that owns the session under this epoch; null for any. */
  epoch: number | null;
  /** At the n-th time that the place is passed, from 1. */
  time: number;
}

const ITEM = /^([a-z_]+)(?:#(\d{1,9}))?:([a-z]+)(?:@(\d{1,9}))?$/;

/**
 * Reads `name:action`, with `#n` behind the name and `@epoch` behind the action where wanted, several separated by
 * commas. Throws KernelError `usage` with one sentence for what it does not know.
 */
export function parseFailPoints(text: string): PlannedFailure[] {
  return text.split(",").map((item) => parseItem(item.trim()));
}

function parseItem(text: string): PlannedFailure {
  const [, name = "", time = "1", action = "", epoch] = ITEM.exec(text) ?? [];
  if (name === "") throw refused(text, "it is not of the form name:action, name#n:action or name:action@epoch");
  if (!isName(name)) throw refused(text, `there is no place '${name}'`);
  const known = ACTIONS.find((candidate) => candidate === action);
  if (known === undefined) throw refused(text, `there is no action '${action}'`);
  if (known === "lost" && !FAIL_POINTS[name]) throw refused(text, `nothing is awaited at '${name}'`);
  if (Number(time) === 0) throw refused(text, "times count from 1");
  return { text, name, action: known, epoch: epoch === undefined ? null : Number(epoch), time: Number(time) };
}

function isName(name: string): name is FailPointName {
  return Object.hasOwn(FAIL_POINTS, name);
}

function refused(text: string, why: string): KernelError {
  return new KernelError("usage", `KERNEL_FAILPOINT '${text}': ${why}.`);
}
