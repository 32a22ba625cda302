/** The pattern by which a hook chooses what it is asked about: an unanchored regular expression. */
import { runInNewContext } from "node:vm";

/** Time for one match; patterns come from outside and may backtrack for ever. */
const LIMIT_MS = 250;
const REPEATS = /[*+{]/;
/** Flags as a prefix, and named groups, as patterns of the published format may have them. */
const FLAGS_PREFIX = /^\(\?([ims]+)\)/;
const NAMED_GROUP = /\(\?P</g;

/**
 * Gives the test for a target. An empty pattern matches everything; null means the pattern is invalid and matches
 * nothing. A match that takes too long counts: a guard must not be skipped.
 */
export function compileMatcher(pattern: string): ((target: string) => boolean) | null {
  if (pattern === "") return () => true;
  const regex = compile(pattern);
  if (regex === null) return null;
  if (!REPEATS.test(pattern)) return (target) => regex.test(target);
  return (target) => boundedTest(regex, target);
}

function compile(pattern: string): RegExp | null {
  const flags = FLAGS_PREFIX.exec(pattern);
  const source = pattern.slice(flags?.[0].length ?? 0).replace(NAMED_GROUP, "(?<");
  try {
    return new RegExp(source, [...new Set(flags?.[1] ?? "")].join(""));
  } catch {
    return null;
  }
}

function boundedTest(regex: RegExp, target: string): boolean {
  try {
    return runInNewContext("regex.test(target)", { regex, target }, { timeout: LIMIT_MS }) === true;
  } catch {
    return true;
  }
}
