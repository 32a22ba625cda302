/** Notices that whoever started this process is gone, although the pipes are open. Loaded once the client is there. */

/** The kernel is to be gone 6 s after its parent; its own end takes up to three. */
const POLL_MS = 2_000;

export interface ParentWatch {
  /** The parent now; asking is one system call. */
  ppid: () => number;
  /** The parent when the process began. */
  startedBy: number;
  /** Called at most once. */
  onGone: (parent: number) => void;
}

/**
 * Looks every 2 s, for the rest of the process's life, whether the parent is still the one it is now, and keeps no process
 * alive for it. A process is not watched over whose parent is gone already, is the system's first process (1), or lives
 * outside its container (0). On Windows the number never changes, so nothing is ever noticed there.
 */
export function watchParent({ ppid, startedBy, onGone }: ParentWatch): void {
  const parent = ppid();
  if (parent <= 1 || parent !== startedBy) return;
  const timer = setInterval(() => {
    if (ppid() === parent) return;
    clearInterval(timer);
    onGone(parent);
  }, POLL_MS);
  timer.unref();
}
