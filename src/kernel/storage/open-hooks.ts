/** The hooks of a turn that has no end: what a client saw asked (HookTriggered) and not decided (HookResolved). */
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";

interface OpenBatch {
  readonly batchId: string;
  readonly event: string;
  readonly target: string;
  verdict: { action: string; reason: string } | null;
}

/** Payload of the HookResolved that is missing. */
export interface HookEnd {
  event: string;
  target: string;
  action: string;
  reason: string;
  duration_ms: number;
}

export class OpenHooks {
  #open: OpenBatch[] = [];
  #newest = "";

  /** Takes `hook`, `hook_decided`, HookTriggered and HookResolved records; ignores all others. */
  take({ kind, fields }: JournalRecord): void {
    const { batch_id, type } = fields;
    // The record of a batch stands right before the event that shows it, and so does its decision.
    if (kind === "hook") this.#newest = String(batch_id);
    else if (kind === "hook_decided") {
      const batch = this.#open.find(({ batchId }) => batchId === batch_id);
      if (batch !== undefined) batch.verdict = { action: String(fields.action), reason: String(fields.reason) };
    } else if (kind === "event" && (type === "HookTriggered" || type === "HookResolved")) {
      const payload = asObject(fields.payload) ?? {};
      const named = { event: String(payload.event), target: String(payload.target) };
      if (type === "HookTriggered") this.#open.push({ ...named, batchId: this.#newest, verdict: null });
      else this.#close(named);
    }
  }

  /** What closes them, oldest first. Nothing may run on a decision that was never made. */
  ends(): HookEnd[] {
    return this.#open.map(({ event, target, verdict }) => {
      const undecided = { action: event === "PreToolUse" ? "block" : "allow", reason: "The kernel stopped." };
      return { event, target, ...(verdict ?? undecided), duration_ms: 0 };
    });
  }

  #close({ event, target }: { event: string; target: string }): void {
    const same = this.#open.filter((batch) => batch.event === event && batch.target === target);
    const closed = same.find(({ verdict }) => verdict !== null) ?? same[0];
    this.#open = this.#open.filter((batch) => batch !== closed);
  }
}
