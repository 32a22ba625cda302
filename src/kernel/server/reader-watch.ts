/** Finds a client that has stopped to read what its turn says. Loaded behind the runtime; no start pays for it. */
import type { Connection } from "../../wire/connection.js";
import type { Logger } from "../logger.js";
import type { Session } from "../session/session.js";

const UNREAD_MS = 60_000;
const TICKS = 60;

export interface ReaderWatchDeps {
  connection: Pick<Connection, "queuedBytes" | "takenBytes" | "signal">;
  /** Bytes of the write under way that the system has not taken yet: a large one takes a slow reader long. */
  unsent: () => number;
  env: Readonly<Record<string, string | undefined>>;
  session: Pick<Session, "turnRunning" | "cancel">;
  /** Whether the client goes on with turns that were left open. */
  resumes: () => boolean;
  /** Leaves the session with its turn open, as the end of the input does. */
  park: () => void;
  logger: Logger;
}

/**
 * Stops each turn whose output has waited for KERNEL_UNREAD_TIMEOUT_MS (60 s, 0 for never) without a byte being taken:
 * it is parked, or cancelled for a client that cannot go on with it. What is unread stays for a client that reads again.
 * It counts ticks and reads no clock, as the heartbeat does: a process that was suspended, or a loop that stood still,
 * ticks once for all of it. Ends with the connection; keeps no process alive.
 */
export function watchReader(deps: ReaderWatchDeps): void {
  const { connection, unsent, env, session, logger } = deps;
  const limitMs = unreadLimit(env);
  if (limitMs === 0 || connection.signal.aborted) return;
  let ticks = 0;
  let progress = "";
  const timer = setInterval(() => {
    const before = progress;
    progress = `${connection.takenBytes} ${unsent()}`;
    const isStopped = connection.queuedBytes > 0 && progress === before && session.turnRunning;
    ticks = isStopped ? ticks + 1 : 0;
    if (ticks < TICKS) return;
    ticks = 0;
    const fields = { code: "reader_stopped", unread: connection.queuedBytes, limitMs, turn: stopTurn(deps) };
    logger.warn(fields, "the client has stopped to read, so its turn was stopped; what is on record stays");
  }, limitMs / TICKS);
  timer.unref();
  connection.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

function stopTurn({ session, resumes, park }: ReaderWatchDeps): "parked" | "cancelled" {
  if (resumes()) {
    park();
    return "parked";
  }
  void session.cancel(null);
  return "cancelled";
}

function unreadLimit({ KERNEL_UNREAD_TIMEOUT_MS: text = "" }: ReaderWatchDeps["env"]): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : UNREAD_MS;
}
