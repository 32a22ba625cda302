/** Tells a host something that it only observes: what it throws, or rejects with, only harms itself. Never throws. */
export function quietly(tell: () => unknown): void {
  try {
    const told = tell();
    if (told instanceof Promise) told.catch(() => {});
  } catch {
    // There is nobody to tell.
  }
}
