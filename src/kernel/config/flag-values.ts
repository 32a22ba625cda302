/** Checks of single flag values. Each throws UsageError with one plain sentence. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { jsonReason } from "./config-text.js";

/** A mistake in the command line; the message is the sentence to show. */
export class UsageError extends Error {}

/** Throws UsageError with `sentence`. */
export function fail(sentence: string): never {
  throw new UsageError(sentence);
}

/** Gives the absolute path of something that exists and is of the wanted kind. */
export function existingPath(given: string, cwd: string, kind: "File" | "Directory"): string {
  const found = path.resolve(cwd, given);
  const isDirectory = given === "" ? null : isDirectoryAt(found);
  if (isDirectory === null) return fail(`${kind} '${given}' does not exist.`);
  if (kind === "File" && isDirectory) return fail(`File '${given}' is a directory.`);
  if (kind === "Directory" && !isDirectory) return fail(`Directory '${given}' is a file.`);
  return found;
}

function isDirectoryAt(file: string): boolean | null {
  try {
    return statSync(file).isDirectory();
  } catch {
    return null;
  }
}

/** The id becomes the name of a folder, so it may not lead out of its place. */
export function sessionId(given: string): string {
  const unsafe = /[/\\\p{Cc}]/u.test(given) || given === "." || given === ".." || Buffer.byteLength(given) > 200;
  return unsafe ? fail(`Invalid session ID '${given.replace(/\p{Cc}/gu, "?").slice(0, 200)}'.`) : given;
}

/** One of a few words, or null when the flag was not given. */
export function choice<T extends string>(name: string, given: string | null, allowed: readonly T[]): T | null {
  if (given === null) return null;
  const found = allowed.find((item) => item === given);
  return found ?? fail(`Invalid value for ${name}: '${given}' is not one of ${allowed.join(", ")}.`);
}

/** A whole number of at least `least`, or null when the flag was not given. */
export function wholeNumber(name: string, given: string | null, least: number): number | null {
  if (given === null) return null;
  const number = /^[+-]?\d+$/.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  return fail(`Invalid value for ${name}: '${given}' is not a whole number of at least ${least}.`);
}

/** Reads and checks a file with an MCP configuration. */
export function mcpConfigFile(given: string, cwd: string): Readonly<Record<string, unknown>> {
  const file = existingPath(given, cwd, "File");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return fail(`File '${given}' is not readable.`);
  }
  return mcpConfig(text);
}

/** Checks an MCP configuration given as JSON text: an object whose `mcpServers`, if any, is one too. */
export function mcpConfig(text: string): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return fail(`Invalid JSON: ${jsonReason(text, error)}`);
  }
  if (!isTable(parsed) || !isTable(parsed.mcpServers ?? {})) {
    return fail("Invalid MCP config: an object with mcpServers is expected.");
  }
  return parsed;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
