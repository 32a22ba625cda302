/** Notices a model that repeats itself: the same call with the same arguments, step after step. */
const FIRST_REMINDER_AT = 3;
const STRONGER_REMINDER_AT = 5;
const LAST_REMINDER_AT = 8;
/** A call made this often in a row ends the turn. */
export const STOP_AT = 12;

/** Counts the calls of one turn, step by step. One per turn. */
export class RepeatGuard {
  #streaks = new Map<string, number>();
  #next = new Map<string, number>();

  /** Counts one call of the running step; returns how often it was made in a row, this one included. */
  count(key: string): number {
    const streak = (this.#next.get(key) ?? this.#streaks.get(key) ?? 0) + 1;
    this.#next.set(key, streak);
    return streak;
  }

  /** Ends the step: calls that were not repeated in it lose their streak. */
  endStep(): void {
    this.#streaks = this.#next;
    this.#next = new Map();
  }
}

/** Name plus arguments in one canonical text, so that key order and white space do not hide a repetition. */
export function callKey(name: string, argumentsJson: string | null): string {
  const text = argumentsJson?.trim() ?? "";
  try {
    return `${name}\n${canonicalJson(JSON.parse(text === "" ? "{}" : text))}`;
  } catch {
    return `${name}\n${text}`;
  }
}

/** JSON with the keys of every object sorted. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** The note appended to the output of a repeated call, or null below the first threshold. */
export function repeatReminder(streak: number, name: string): string | null {
  if (streak < FIRST_REMINDER_AT) return null;
  const text =
    streak < STRONGER_REMINDER_AT
      ? "You made this same call before with the same arguments. Read the earlier result; if it does not help, change the arguments or the approach."
      : streak < LAST_REMINDER_AT
        ? `You called ${name} with the same arguments ${streak} times in a row and nothing changed. Do not make this call again; look at what is missing and take another way.`
        : "You are going in circles. Stop calling tools now and tell the user what you tried, what blocks you and what you need.";
  return `\n\n<system-reminder>\n${text}\n</system-reminder>`;
}
