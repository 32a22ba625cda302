/** A call that may have acted before its kernel died: what can be known of it, and whether it may run (again). */
import { groupExists } from "../processes/group-signals.js";
import { isRunning, processStartTime } from "../processes/process-start-time.js";
import { unknownOutcome } from "../storage/tool-message.js";
import type { FileHash, IntentPosition } from "../storage/turn-position.js";
import { readFileState } from "../tools/support/file-state.js";
import { type ToolReturn, toolError, toolOk } from "../tools/tool.js";
import { decodeToolReturn } from "./encode-events.js";

/**
 * null: the call may run, as nothing of it has happened or it may happen twice. Else its result. `hashNow` is of the
 * call as it would be done now, null when it cannot be prepared. Throws the signal's reason.
 */
export async function afterIntent(
  intent: IntentPosition,
  hashNow: string | null,
  signal: AbortSignal,
): Promise<ToolReturn | null> {
  if (intent.effect === "read") return null;
  if (intent.effect === "write" && intent.after.length > 0) return await afterEdit(intent, hashNow, signal);
  return unknown(await evidence(intent, signal));
}

async function afterEdit(
  intent: IntentPosition,
  hashNow: string | null,
  signal: AbortSignal,
): Promise<ToolReturn | null> {
  if (await holds(intent.after, signal)) {
    return toolOk("", "The file has the wanted content: the edit was made before the kernel was restarted.");
  }
  if ((await holds(intent.before, signal)) && hashNow === intent.actionHash) return null;
  const names = intent.after.map(({ path }) => `\`${path}\``).join(", ");
  return toolError(
    `The kernel was restarted during this edit, and ${names} has changed since. Nothing was written now; read the file before you edit it.`,
    "File changed",
  );
}

async function holds(files: readonly FileHash[], signal: AbortSignal): Promise<boolean> {
  for (const { path, sha256 } of files) if ((await hashOf(path, signal)) !== sha256) return false;
  return true;
}

/** undefined for a file that cannot be read. */
async function hashOf(path: string, signal: AbortSignal): Promise<string | null | undefined> {
  try {
    return (await readFileState(path, undefined, signal)).sha256;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function unknown(facts: readonly string[]): ToolReturn {
  const value = unknownOutcome();
  return decodeToolReturn({ ...value, message: [value.message, ...facts].join(" ") });
}

async function evidence({ process, before, after }: IntentPosition, signal: AbortSignal): Promise<string[]> {
  const facts = process === null ? [] : [processFact(process)];
  for (const { path, sha256 } of after) {
    const now = await hashOf(path, signal);
    const was = before.find((file) => file.path === path)?.sha256;
    const state = now === sha256 ? "as the call would leave it" : now === was ? "as it was before" : "something else";
    facts.push(`\`${path}\` is now ${state}.`);
  }
  return facts;
}

/** A number that is used again by other processes is told apart by the start of the leader. */
function processFact({ pgid, startTime }: NonNullable<IntentPosition["process"]>): string {
  if (isRunning(pgid, startTime)) return `Its process ${pgid} is still running.`;
  if (processStartTime(pgid) === "" && groupLives(pgid)) return `Processes of its group ${pgid} are still running.`;
  return "Its process has ended.";
}

function groupLives(pgid: number): boolean {
  try {
    return groupExists(pgid);
  } catch {
    // A number that no tool can have.
    return false;
  }
}
