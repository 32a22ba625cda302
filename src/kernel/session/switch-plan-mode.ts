/** set_plan_mode: the client switches plan mode, whatever runs. */
import { KernelError } from "../errors.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import type { SessionLog } from "../storage/session-log.js";

export interface PlanModeSwitch {
  planMode: SessionPlanMode;
  log: SessionLog;
  turnRunning: () => boolean;
  /** A turn that a dead kernel left open is not ended by this. */
  keepOpenTurn: boolean;
}

/**
 * Takes the session if need be, stores the mode, tells the client and gives the mode back. Throws KernelError when
 * another kernel holds the session or the change cannot be stored.
 */
export async function switchPlanMode(enabled: boolean, where: PlanModeSwitch): Promise<boolean> {
  const { planMode, log, turnRunning, keepOpenTurn } = where;
  // A turn that waited for the session too may have been cancelled; that is no reason to give up here.
  await log.acquire(undefined, { keepOpenTurn }).catch((error: unknown) => {
    if (error instanceof KernelError) throw error;
    return log.acquire(undefined, { keepOpenTurn });
  });
  planMode.set(enabled);
  planMode.announce();
  // A turn brings the published files up to date by itself.
  if (!turnRunning()) log.checkpoint();
  return planMode.active;
}
