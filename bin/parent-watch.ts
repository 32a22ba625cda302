/** Notices that whoever started this process is gone, although the pipes are open. Loaded once the client is there. */

/** The kernel is to be gone 6 s after its parent; its own end takes up to three. */
const POLL_MS = 2_000;

export interface ParentWatch {
  /** The parent at any moment; asking is one system call. */
  ppid: () => number;
  /** The parent when the process began. */
  startedBy: number;
  /** The parent when the client came. */
  parent: number;
  /** Called at most once. */
  onGone: () => void;
}

/**
 * Looks every 2 s, for the rest of the process's life, whether the parent is still the one that the client came with, and keeps
 * no process alive for it. Nobody is watched who was another one at the start (a shell that has left), who is the system's
 * first process (1), or who lives outside the container (0). On Windows the number never changes, so nothing is ever noticed there.
 */
export function watchParent({ ppid, startedBy, parent, onGone }: ParentWatch): void {
  if (parent <= 1 || parent !== startedBy) return;
  const timer = setInterval(() => {
    if (ppid() === parent) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}
