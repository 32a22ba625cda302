/** set_plan_mode: the client switches plan mode, whatever runs. */
import { KernelError } from "../errors.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import type { SessionLog } from "../storage/session-log.js";

/**
 * Takes the session if need be, stores the mode, tells the client and gives the mode back. Throws KernelError when
 * another kernel holds the session or the change cannot be stored.
 */
export async function switchPlanMode(
  enabled: boolean,
  planMode: SessionPlanMode,
  log: SessionLog,
  turnRunning: () => boolean,
): Promise<boolean> {
  // A turn that waited for the session too may have been cancelled; that is no reason to give up here.
  await log.acquire().catch((error: unknown) => {
    if (error instanceof KernelError) throw error;
    return log.acquire();
  });
  planMode.set(enabled);
  planMode.announce();
  // A turn brings the published files up to date by itself.
  if (!turnRunning()) log.checkpoint();
  return planMode.active;
}
