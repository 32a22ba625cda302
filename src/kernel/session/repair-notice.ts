import { randomUUID } from "node:crypto";

/** The Notification that tells a client what had to be repaired when its session was opened, one sentence a line. */
export function repairNotice(sessionId: string, repairs: readonly string[]) {
  return {
    id: `n${randomUUID().slice(0, 8)}`,
    category: "system",
    type: "session.repaired",
    source_kind: "session",
    source_id: sessionId,
    title: "The session was repaired",
    body: repairs.join("\n"),
    severity: "warning",
    created_at: Date.now() / 1000,
    payload: {},
  };
}
