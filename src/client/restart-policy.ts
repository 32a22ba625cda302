/** What follows the death of a kernel. Pure: the deaths go in, the next step comes out. */
import type { DeathCause } from "./kernel-state.js";
import type { KernelMode } from "./launcher.js";

export interface Death {
  /** When, in milliseconds of the supervisor's clock. */
  at: number;
  /** How long the kernel had been ready; 0 when it never was. */
  uptimeMs: number;
  mode: KernelMode;
  cause: DeathCause["kind"];
  /** Turn, step and call (or the model) where it stood; null between turns. */
  place: string | null;
}

export interface Launch {
  mode: KernelMode;
  afterMs: number;
  /** The turn dies a second time at the same place: it is to be ended as it stands. */
  quarantine: boolean;
}

/** Before the starts of a rung that was there before; a rung that is new starts at once. */
const BACKOFF_MS = [0, 500, 2_000, 8_000];
const JITTER = 0.2;
const WINDOW_MS = 600_000;
const MAX_DEATHS = 5;
/** A kernel that worked this long before it died makes the deaths before it forgotten. */
export const HEALTHY_MS = 600_000;

/** Exit codes that say: starting it again would not help. Usage, configuration, login. */
export const REFUSAL_CODES: ReadonlySet<number | null> = new Set([2, 64, 77, 78]);

/**
 * The step after the last of `deaths` (oldest first, at least one); null gives up. `modes` is the ladder, first choice
 * first, at least one; `random` is from 0 up to 1.
 */
export function decideRestart(
  deaths: readonly Death[],
  modes: readonly [KernelMode, ...KernelMode[]],
  random: number,
): Launch | null {
  const counted = sinceHealthy(deaths);
  const last = counted.at(-1) as Death;
  if (counted.filter(({ at }) => last.at - at < WINDOW_MS).length > MAX_DEATHS) return null;
  const mode = nextMode(counted, last, modes);
  return {
    mode,
    afterMs: Math.round(backoffMs(counted, mode) * (1 - JITTER + 2 * JITTER * random)),
    quarantine: last.place !== null && counted.filter(({ place }) => place === last.place).length > 1,
  };
}

/** The deaths that still count, the newest one always. Also how many starts there were, but for the one that comes. */
export function sinceHealthy(deaths: readonly Death[]): readonly Death[] {
  const healthy = deaths.findLastIndex(({ uptimeMs }) => uptimeMs >= HEALTHY_MS);
  return healthy === -1 ? deaths : deaths.slice(healthy);
}

/** Whatever ended the rungs before says nothing about this one: waiting would only cost the turn that goes on in it. */
function backoffMs(counted: readonly Death[], mode: KernelMode): number {
  const rungs = new Set(counted.map((death) => death.mode));
  if (!rungs.has(mode)) return 0;
  return BACKOFF_MS[Math.min(counted.length - rungs.size, BACKOFF_MS.length - 1)] as number;
}

function nextMode(counted: readonly Death[], last: Death, modes: readonly [KernelMode, ...KernelMode[]]): KernelMode {
  const [first] = modes;
  // What ate all memory in a process of its own would take the host down with it.
  if (last.cause === "out_of_memory") return modes.includes("sidecar") ? "sidecar" : first;
  const crashes = counted.filter(({ cause }) => cause !== "out_of_memory").length;
  return crashes < 2 ? first : (modes[1] ?? first);
}
