/** A session log that fails behind its records, as if the process had died right after it wrote them. */
import type { FailPointName } from "./fail-point-plan.js";
import type { FailPoints } from "./fail-points.js";
import type { DeliverableRecord, NoteRecord, SessionLog } from "./storage/session-log.js";

/** What has just been recorded, by kind. */
const NOTES: Partial<Record<NoteRecord["kind"], FailPointName>> = {
  stream_end: "stream_ended",
  intent: "intent_recorded",
  steer: "steer_recorded",
  cancel: "cancel_recorded",
};

/** The same log; each method passes its fail points when the real one has returned. */
export function failingLog(log: SessionLog, points: FailPoints): SessionLog {
  // Not typed method by method: it has to stay true for methods that are added later.
  const passed: { [name: string | symbol]: ((first: never) => void) | undefined } = {
    beginTurn: () => points.hit("prompt_accepted"),
    append: (records: readonly DeliverableRecord[]) => {
      for (const record of records) appended(record, points);
    },
    note: (record: NoteRecord) => noted(record, points),
    checkpoint: () => points.hit("step_stored"),
    rotateContext: () => points.hit("rotated"),
  };
  const bound = new Map<string | symbol, unknown>();
  return new Proxy(log, {
    get: (target, name) => {
      // Getters and methods reach private fields, which the proxy does not have.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const known = bound.get(name) ?? after(value.bind(target), passed[name]);
      bound.set(name, known);
      return known;
    },
  });
}

function after(method: (...args: unknown[]) => unknown, pass: ((first: never) => void) | undefined): unknown {
  if (pass === undefined) return method;
  return (...args: unknown[]) => {
    const result = method(...args);
    pass(args[0] as never);
    return result;
  };
}

function appended({ kind, type }: DeliverableRecord, points: FailPoints): void {
  if (kind === "event") points.hit("event_recorded");
  if (kind === "result") points.hit("result_recorded");
  if (kind === "turn_end") points.hit("turn_end_recorded");
  if (type === "CompactionBegin") points.hit("compaction");
}

function noted(record: NoteRecord, points: FailPoints): void {
  if (record.kind === "answer" && record.type === "ApprovalRequest") points.hit("approval_answered");
  const name = NOTES[record.kind];
  if (name !== undefined) points.hit(name);
}
