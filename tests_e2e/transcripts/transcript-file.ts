/** Golden transcripts on disk: what a line is, and how values that change from run to run become placeholders. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Message } from "../kernel-process.js";

export const TRANSCRIPTS_DIR = fileURLToPath(new URL("../../wire-spec/transcripts", import.meta.url));

/** First line of a file: how the kernel was started and what its model says. */
export interface TranscriptMeta {
  about: string;
  protocol_version: string;
  /** One per model call, in the language of the scripted provider. */
  scripts: string[];
  args: string[];
  capabilities: string[];
  /** Loop settings of the config file. */
  loop_control: Record<string, number>;
  /** MCP settings of the config file. */
  mcp?: Record<string, unknown>;
  /** Files in the work dir before the start. */
  files: Record<string, string>;
}

export interface TranscriptLine {
  dir: ">" | "<";
  msg: Message;
}

export interface Transcript {
  meta: TranscriptMeta;
  lines: TranscriptLine[];
}

/** Names of all transcripts, without the suffix, sorted. */
export function transcriptNames(): string[] {
  const files = readdirSync(TRANSCRIPTS_DIR).filter((name) => name.endsWith(".ndjson"));
  return files.map((name) => name.slice(0, -".ndjson".length)).sort();
}

export function readTranscript(name: string): Transcript {
  const text = readFileSync(join(TRANSCRIPTS_DIR, `${name}.ndjson`), "utf8");
  const [first, ...lines] = text.trimEnd().split("\n");
  const { meta } = JSON.parse(first as string) as { meta: TranscriptMeta };
  return { meta, lines: lines.map((line) => JSON.parse(line) as TranscriptLine) };
}

export function writeTranscript(name: string, { meta, lines }: Transcript): void {
  const text = [{ meta }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
  writeFileSync(join(TRANSCRIPTS_DIR, `${name}.ndjson`), text);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX32 = /^[0-9a-f]{32}$/;
const HEX12 = /^[0-9a-f]{12}$/;
/** Prose that is each kernel's own, behind the words that clients may compare. */
const OWN_PROSE: [RegExp, string][] = [
  [/^(Error (?:parsing|validating) JSON arguments: )[\s\S]+$/, "$1<text>"],
  [/^(The tool call is rejected by the user\. Try a different approach)[\s\S]+$/, "$1<text>"],
  [/^(task_id: [\s\S]*\nautomatic_notification: true\n)[\s\S]+$/, "$1<text>"],
  // The plan files of the recorder's share folder.
  [/[^\s`"]*\/\.kimi\/plans\//g, "<plans>/"],
  [/<system-reminder>[\s\S]*<\/system-reminder>/g, "<system-reminder><text></system-reminder>"],
];

/** Ids of agents, of tasks and of notifications, which also stand inside texts. */
const OWN_IDS = /\b(?:a[0-9a-f]{8}|n[0-9a-f]{8}|(?:bash|agent)-[a-z0-9]{8})\b/g;

/** Replaces values that change by placeholders, the same value by the same one, numbered as they appear. */
export class Placeholders {
  readonly #workDir: string;
  readonly #names = new Map<string, string>();
  readonly #values = new Map<string, string>();

  constructor(workDir: string) {
    this.#workDir = workDir;
  }

  mask(message: Message): Message {
    return this.#walk(message, []) as Message;
  }

  /** The reverse, for a message to send. */
  fill(message: Message): Message {
    const text = JSON.stringify(message).replace(
      /<(?:uuid|hex32|hex12):\d+>/g,
      (name) => this.#values.get(name) ?? name,
    );
    return JSON.parse(text.replaceAll("<dir>", this.#workDir)) as Message;
  }

  #walk(value: unknown, path: readonly string[]): unknown {
    if (typeof value === "string") return this.#text(value, path);
    if (typeof value === "number" && path.at(-1) === "wait_s") return "<float>";
    if (typeof value === "number" && path.at(-1) === "duration_ms") return "<int>";
    if (typeof value === "number" && /^(?:wait_s|created_at)$/.test(path.at(-1) ?? "")) return "<float>";
    if (Array.isArray(value)) return value.map((item) => this.#walk(item, [...path, "*"]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#walk(item, [...path, key])]));
  }

  #text(value: string, path: readonly string[]): string {
    if (UUID.test(value)) return this.#named("uuid", value);
    if (HEX32.test(value)) return this.#named("hex32", value);
    if (HEX12.test(value)) return this.#named("hex12", value);
    const place = path.join(".");
    if (/^result\.(server\.(name|version)|slash_commands\.\*\.description)$/.test(place)) return "<text>";
    if (place === "result.external_tools.rejected.*.reason" && value !== "conflicts with builtin tool") return "<text>";
    // What else a Notification says is each kernel's own, and so is the task that asks for a longer report.
    if (place === "params.payload.body") return "<text>";
    if (place === "params.payload.event.payload.user_input" && value.includes("\n")) return "<text>";
    const text = OWN_PROSE.reduce((rest, [pattern, by]) => rest.replace(pattern, by), value);
    return text.replaceAll(OWN_IDS, (id) => this.#named("id", id)).replaceAll(this.#workDir, "<dir>");
  }

  #named(kind: string, value: string): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const count = [...this.#values.keys()].filter((name) => name.startsWith(`<${kind}:`)).length;
    const name = `<${kind}:${count + 1}>`;
    this.#names.set(value, name);
    this.#values.set(name, value);
    return name;
  }
}

/** A message with sample values in the place of its placeholders, fit for a schema. */
export function withSamples(message: Message): Message {
  const text = JSON.stringify(message).replaceAll('"<float>"', "0.5").replaceAll('"<int>"', "1");
  return JSON.parse(text) as Message;
}
