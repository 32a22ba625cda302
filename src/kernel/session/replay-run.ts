/** Sends a session's records again, in batches, at the pace of the client. */

import { orAbort } from "../abort.js";
import type { WireRecord } from "../storage/replay.js";

/** Records sent in one go; between two batches the client's back-pressure and a cancel are seen. */
const BATCH = 256;

export interface ReplayResult {
  status: "finished" | "cancelled";
  events: number;
  requests: number;
}

export interface ReplayRun {
  records: Iterable<WireRecord>;
  send: (records: readonly WireRecord[]) => void;
  /** null while the client keeps up. */
  ready: () => Promise<void> | null;
  signal: AbortSignal;
}

/** Resolves with what was sent when all was, or when the signal aborted. Rejects when the records cannot be read. */
export async function runReplay({ records, send, ready, signal }: ReplayRun): Promise<ReplayResult> {
  const sent = { events: 0, requests: 0 };
  let batch: WireRecord[] = [];
  const flush = async () => {
    send(batch);
    for (const { isRequest } of batch) sent[isRequest ? "requests" : "events"] += 1;
    batch = [];
    const behind = ready();
    if (behind !== null) await orAbort(behind, signal).catch(() => {});
    // A cancel can only arrive while nothing else runs.
    await new Promise(setImmediate);
  };
  for (const record of records) {
    if (batch.push(record) < BATCH) continue;
    await flush();
    if (signal.aborted) return { status: "cancelled", ...sent };
  }
  await flush();
  return { status: signal.aborted ? "cancelled" : "finished", ...sent };
}
