/** Counts what must be zero, so that a thousand runs give figures and not only sentences. */
import { type CrashRun, effectsOf, recordedEvents, textOf } from "./oracle.js";
import { stepText } from "./turn-plan.js";

export interface Figures {
  /** Events that the host had received and that the journal does not hold. */
  acknowledgedLost: number;
  /** Events of the journal that the host did not get. */
  hostMissing: number;
  /** Events that the host got more often than they are in the journal. */
  hostTwice: number;
  /** Effects beyond the first of a call. */
  effectsTwice: number;
  charactersLost: number;
  charactersRepeated: number;
  /** Processes that were left. */
  left: number;
}

/** `whole`: everything that the model says has to have been shown. */
export function figuresOf({ plan, folder, session, seen, left }: CrashRun, whole: boolean): Figures {
  const recorded = countsOf(recordedEvents(folder, session));
  const shown = countsOf(seen.filter(({ method }) => method === "event"));
  const figures = { acknowledgedLost: 0, hostMissing: 0, hostTwice: 0 };
  for (const [event, times] of shown) {
    const known = recorded.get(event) ?? 0;
    if (known === 0) figures.acknowledgedLost += times;
    else figures.hostTwice += Math.max(0, times - known);
  }
  for (const [event, times] of recorded) figures.hostMissing += Math.max(0, times - (shown.get(event) ?? 0));
  const effectsTwice = effectsOf(plan, folder).reduce((sum, { times }) => sum + Math.max(0, times - 1), 0);
  const text = whole ? difference(plan.steps.map(stepText).join(""), textOf(seen)) : { lost: 0, repeated: 0 };
  const { lost: charactersLost, repeated: charactersRepeated } = text;
  return { ...figures, effectsTwice, charactersLost, charactersRepeated, left: left.length };
}

function countsOf(events: readonly { type: unknown; payload: unknown }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { type, payload } of events) {
    const key = JSON.stringify([type, payload]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** What is between the equal beginning and the equal end of two texts. */
function difference(said: string, shown: string): { lost: number; repeated: number } {
  const shorter = Math.min(said.length, shown.length);
  let head = 0;
  while (head < shorter && said[head] === shown[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && said.at(-1 - tail) === shown.at(-1 - tail)) tail += 1;
  return { lost: said.length - head - tail, repeated: shown.length - head - tail };
}
