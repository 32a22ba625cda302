import { ownProcessGroup } from "./process-start-time.js";

/** Whether any process of the group exists, zombies included. */
export function groupExists(pgid: number): boolean {
  return send(pgid, 0);
}

/**
 * Signals every process of a group; a group that is gone is no error. Throws for a group that no tool can have: 0 and
 * 1 would reach everything, and the kernel's own group the kernel.
 */
export function signalGroup(pgid: number, signal: "SIGTERM" | "SIGKILL"): void {
  send(pgid, signal);
}

function send(pgid: number, signal: "SIGTERM" | "SIGKILL" | 0): boolean {
  if (!Number.isSafeInteger(pgid) || pgid <= 1 || pgid === process.pid || pgid === ownProcessGroup()) {
    throw new Error(`refusing to signal process group ${pgid}`);
  }
  try {
    process.kill(-pgid, signal);
    return true;
  } catch (error) {
    // EPERM: there, but of another user (a setuid program).
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
