/** The recorded messages of a session in file order, for a client that asks to see them again. */
import { fileLines, fileSize } from "./file-lines.js";
import { asObject, escapeLineBreaks, lineJson, parseObject } from "./line-json.js";
import { readWirePlan } from "./read-session.js";
import type { SessionPaths } from "./share-folder.js";

/** One recorded message, ready to be sent. */
export interface WireRecord {
  readonly type: string;
  readonly isRequest: boolean;
  /** JSON-RPC id of a request, equal to payload.id; null for an event. */
  readonly id: string | null;
  /** JSON text of the payload: the bytes of the file where they can be kept. */
  readonly json: string;
}

const REQUESTS: ReadonlySet<string> = new Set(["ApprovalRequest", "ToolCallRequest", "QuestionRequest", "HookRequest"]);

const EVENTS: ReadonlySet<string> = new Set([
  ...["TurnBegin", "TurnEnd", "StepBegin", "StepInterrupted", "StepRetry", "SteerInput"],
  ...["CompactionBegin", "CompactionEnd", "MCPLoadingBegin", "MCPLoadingEnd", "StatusUpdate", "Notification"],
  ...["ContentPart", "ToolCall", "ToolCallPart", "ToolResult", "ApprovalResponse", "SubagentEvent", "PlanDisplay"],
  ...["HookTriggered", "HookResolved", "BtwBegin", "BtwEnd"],
]);

/** Both spacings in use: compact, and with a blank after colon and comma. */
const FRAME = /^\{"timestamp": ?[-+.\deE]+, ?"message": ?\{"type": ?"[A-Za-z]+", ?"payload": ?/;

/**
 * Reads wire.jsonl up to byte `to`. The metadata line, lines that do not parse and unknown types are skipped. A
 * missing file has no records. Lazy; stop it by returning from the loop. Throws when the file cannot be read.
 */
export function* readWireRecords(path: string, to = fileSize(path)): Generator<WireRecord, void, void> {
  for (const line of fileLines(path, 0, to)) {
    const record = wireRecord(line.bytes.toString("utf8"));
    if (record !== null) yield record;
  }
}

/** The same for a whole session: what is in its journal and not yet in wire.jsonl comes last. */
export function* replaySession(paths: SessionPaths): Generator<WireRecord, void, void> {
  const wire = readWirePlan(paths);
  yield* readWireRecords(paths.wire, wire.cutTo);
  for (const line of wire.append.split("\n")) {
    const record = wireRecord(line);
    if (record !== null) yield record;
  }
}

function wireRecord(line: string): WireRecord | null {
  const text = line.trim();
  const outer = parseObject(text);
  const message = asObject(outer?.message);
  const payload = asObject(message?.payload);
  if (outer === null || message === null || payload === null || typeof message.type !== "string") return null;
  const { type } = message;
  if (type === "ApprovalRequestResolved") {
    return event("ApprovalResponse", lineJson({ feedback: "", ...payload }));
  }
  if (type === "SubagentEvent" && "task_tool_call_id" in payload) {
    const { task_tool_call_id, ...rest } = payload;
    return event(type, lineJson({ parent_tool_call_id: task_tool_call_id, ...rest }));
  }
  if (EVENTS.has(type)) return event(type, payloadJson(text, outer, message));
  if (!REQUESTS.has(type) || typeof payload.id !== "string") return null;
  return { type, isRequest: true, id: payload.id, json: payloadJson(text, outer, message) };
}

function event(type: string, json: string): WireRecord {
  return { type, isRequest: false, id: null, json };
}

/** Cuts the payload out of the line; only when that cannot be done safely it is written anew. */
function payloadJson(text: string, outer: Record<string, unknown>, message: Record<string, unknown>): string {
  const frame = FRAME.exec(text);
  const plain = frame !== null && hasTwoKeys(outer) && hasTwoKeys(message) && text.endsWith("}}");
  if (!plain) return lineJson(message.payload);
  return escapeLineBreaks(text.slice(frame[0].length, -2).trimEnd());
}

function hasTwoKeys(object: Record<string, unknown>): boolean {
  let count = 0;
  for (const _ in object) count += 1;
  return count === 2;
}
