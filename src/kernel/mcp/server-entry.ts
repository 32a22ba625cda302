/** MCP configuration documents as entries that can be connected to. */
import * as z from "zod/mini";

export interface StdioEntry {
  kind: "stdio";
  name: string;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Relative to the work dir; null: the work dir itself. */
  cwd: string | null;
}

export interface RemoteEntry {
  kind: "remote";
  name: string;
  url: string;
  transport: "http" | "sse";
  headers: Readonly<Record<string, string>>;
  oauth: boolean;
}

/** An entry that cannot be used; it is listed as failed and costs nothing else. */
export interface BrokenEntry {
  kind: "broken";
  name: string;
  reason: string;
}

export type ServerEntry = StdioEntry | RemoteEntry | BrokenEntry;

const texts = z.record(z.string(), z.string());
const optionalText = z.optional(z.nullable(z.string()));
/** `type` is what other programs call `transport`. */
const shape = z.object({
  command: optionalText,
  args: z.optional(z.nullable(z.array(z.string()))),
  env: z.optional(z.nullable(texts)),
  cwd: optionalText,
  url: optionalText,
  transport: optionalText,
  type: optionalText,
  headers: z.optional(z.nullable(texts)),
  auth: optionalText,
});

/**
 * Gives the servers of all documents in order of first mention; a later definition replaces an earlier one of the same
 * name. Never throws: what cannot be used is a `broken` entry whose reason quotes no value.
 */
export function readServerEntries(documents: readonly Readonly<Record<string, unknown>>[]): ServerEntry[] {
  const entries = new Map<string, ServerEntry>();
  for (const { mcpServers } of documents) {
    if (typeof mcpServers !== "object" || mcpServers === null) continue;
    for (const [name, value] of Object.entries(mcpServers)) entries.set(name, readServerEntry(name, value));
  }
  return [...entries.values()];
}

/** Gives one entry. Never throws. */
export function readServerEntry(name: string, value: unknown): ServerEntry {
  const parsed = z.safeParse(shape, value);
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
    return { kind: "broken", name, reason: where === "" ? "the entry is no object" : `${where} has the wrong shape` };
  }
  const { command, args, env, cwd, url, headers, auth } = parsed.data;
  if (command) return { kind: "stdio", name, command, args: args ?? [], env: env ?? {}, cwd: cwd ?? null };
  if (!url) return { kind: "broken", name, reason: "neither command nor url is given" };
  const transport = transportOf(parsed.data.transport ?? parsed.data.type ?? null, url);
  if (!isWebUrl(url)) return { kind: "broken", name, reason: "url is no http or https URL" };
  if (transport === null) return { kind: "broken", name, reason: "transport is neither http nor sse" };
  return { kind: "remote", name, url, transport, headers: headers ?? {}, oauth: auth === "oauth" };
}

function transportOf(given: string | null, url: string): "http" | "sse" | null {
  if (given === null) return /\/sse\/?(\?|$)/.test(url) ? "sse" : "http";
  if (given === "http" || given === "streamable-http") return "http";
  return given === "sse" ? "sse" : null;
}

function isWebUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && (url.protocol === "http:" || url.protocol === "https:");
}
