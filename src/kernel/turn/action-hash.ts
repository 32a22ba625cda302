/** What exactly a call would do, as one hash: an approval of it holds for nothing else. And the record of it. */
import { createHash } from "node:crypto";
import type { ToolCall } from "../messages.js";
import type { NoteRecord } from "../storage/session-log.js";
import type { PreparedCall } from "../tools/tool.js";
import { canonicalJson } from "./repeat-guard.js";

/** sha256 in hex over tool, arguments, the files before and after, and the work dir. */
export function actionHash({ function: fn }: ToolCall, prepared: PreparedCall, cwd: string): string {
  const { before = [], after = [] } = prepared;
  const action = canonicalJson({ name: fn.name, arguments: fn.arguments, before, after, cwd });
  return createHash("sha256").update(action).digest("hex");
}

/** What is recorded, on disk, before a call acts. */
export function intentRecord(
  call: ToolCall,
  prepared: PreparedCall,
  { effectId, workDir }: { effectId: string; workDir: string },
): NoteRecord {
  const { name, arguments: args } = call.function;
  return {
    kind: "intent",
    effect_id: effectId,
    tool_call_id: call.id,
    name,
    arguments: args ?? "",
    class: prepared.effect,
    action_hash: actionHash(call, prepared, workDir),
    before: prepared.before ?? [],
    after: prepared.after ?? [],
  };
}
