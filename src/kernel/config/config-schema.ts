/** The shape of a configuration as people and SDKs write it, and what is wrong with one in a plain sentence. */
import * as z from "zod/mini";
import { HOOK_EVENT_NAMES } from "../hooks/hook-event.js";
import type { Capability } from "../providers/provider.js";

const text = z.string();
const texts = z.record(z.string(), z.string());
const optionalText = z.optional(z.nullable(text));
const optionalTexts = z.optional(z.nullable(texts));
const flag = z.optional(z.boolean());

/** Capabilities come as a list of names or, from the Go SDK, as an object of booleans. */
const capabilities = z.optional(
  z.nullable(
    z.union([z.array(text), z.record(z.string(), z.boolean())], "must be a list of names or an object of booleans"),
  ),
);

const modelSchema = z.object({
  provider: text,
  model: text,
  max_context_size: z.int().check(z.gte(0)),
  capabilities,
  display_name: optionalText,
});

const providerSchema = z.object({
  type: z.enum([
    "kimi",
    "openai_legacy",
    "openai_responses",
    "anthropic",
    "google_genai",
    "gemini",
    "vertexai",
    "_echo",
    "_scripted_echo",
    "_chaos",
  ]),
  base_url: text,
  api_key: text,
  env: optionalTexts,
  custom_headers: optionalTexts,
  reasoning_key: optionalText,
  assistant_prefill: flag,
  oauth: z.optional(z.unknown()),
});

const steps = z.optional(z.int().check(z.gte(1)));

const loopControlSchema = z.object({
  max_steps_per_turn: steps,
  /** The name that key had before; the newer one wins. */
  max_steps_per_run: steps,
  max_retries_per_step: steps,
  max_ralph_iterations: z.optional(z.int().check(z.gte(-1))),
  reserved_context_size: z.optional(z.int().check(z.gte(1000))),
  compaction_trigger_ratio: z.optional(z.number().check(z.gte(0.5), z.lte(0.99))),
});

const count = z.optional(z.int().check(z.gte(1)));
const amount = z.optional(z.int().check(z.gte(0)));

/** The worker and print keys of the published format are accepted and mean nothing here: tasks run in this process. */
const backgroundSchema = z.object({
  max_running_tasks: count,
  read_max_bytes: count,
  notification_tail_lines: amount,
  notification_tail_chars: amount,
  wait_poll_interval_ms: count,
  worker_heartbeat_interval_ms: count,
  worker_stale_after_ms: count,
  kill_grace_period_ms: amount,
  keep_alive_on_exit: flag,
  agent_task_timeout_s: count,
  print_wait_ceiling_s: count,
});

const hookSchema = z.object({
  event: z.enum(HOOK_EVENT_NAMES),
  command: text,
  matcher: z.optional(text),
  timeout: z.optional(z.int().check(z.gte(1), z.lte(600))),
  on_error: z.optional(z.enum(["allow", "block"])),
});

const fetchSchema = z.object({ allowed_private_hosts: z.optional(z.array(text)) });
const runtimeSchema = z.object({ kernel: z.optional(z.nullable(z.enum(["auto", "sidecar", "in-process"]))) });

const mcpClientSchema = z.object({
  tool_call_timeout_ms: z.optional(z.int().check(z.gte(1))),
  connect_timeout_ms: z.optional(z.int().check(z.gte(1))),
  loading_wait_ms: z.optional(z.int().check(z.gte(0))),
});
const mcpSchema = z.object({ client: z.optional(mcpClientSchema) });

const configSchema = z.object({
  default_model: z.optional(text),
  default_thinking: flag,
  default_yolo: flag,
  default_plan_mode: flag,
  models: z.optional(z.record(z.string(), modelSchema)),
  providers: z.optional(z.record(z.string(), providerSchema)),
  loop_control: z.optional(loopControlSchema),
  merge_all_available_skills: flag,
  extra_skill_dirs: z.optional(z.array(text)),
  background: z.optional(backgroundSchema),
  hooks: z.optional(z.array(hookSchema)),
  fetch: z.optional(fetchSchema),
  mcp: z.optional(mcpSchema),
  runtime: z.optional(runtimeSchema),
});

/** A configuration that has the right shape, before defaults. */
export type ConfigInput = z.output<typeof configSchema>;

// Keys of the published format that other programs use, or that only concern a screen.
const silentKeys: ReadonlySet<string> = new Set([
  "default_editor",
  "theme",
  "show_thinking_stream",
  "telemetry",
  "skip_afk_prompt_injection",
]);
const laterKeys: ReadonlySet<string> = new Set(["notifications", "services"]);

/** Checks a parsed document. Gives the typed input, or one reason that names the key path and never quotes a value. */
export function checkShape(document: unknown): { input: ConfigInput } | { reason: string } {
  const result = configSchema.safeParse(document, { reportInput: true });
  if (result.success) return { input: result.data };
  const [issue] = result.error.issues;
  return { reason: issue === undefined ? "has the wrong shape" : describeIssue(issue) };
}

/** A key of the document that has no effect: one of a later version, or one that is not among the `known` of its table. */
export interface IgnoredKey {
  /** With its tables before it, joined by dots. */
  name: string;
  isLater: boolean;
  known: readonly string[];
}

/** Every key of the document that has no effect. They are no error. */
export function ignoredKeys(document: unknown): IgnoredKey[] {
  const found: IgnoredKey[] = [];
  const visit = (value: unknown, known: object, path: readonly string[]): void => {
    if (!isTable(value)) return;
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(known, key) || (path.length === 0 && silentKeys.has(key))) continue;
      const name = [...path, key].join(".");
      found.push({ name, isLater: path.length === 0 && laterKeys.has(key), known: Object.keys(known) });
    }
  };
  visit(document, configSchema.shape, []);
  if (!isTable(document)) return found;
  const sections = [
    ["loop_control", loopControlSchema.shape],
    ["background", backgroundSchema.shape],
    ["fetch", fetchSchema.shape],
    ["mcp", mcpSchema.shape],
    ["runtime", runtimeSchema.shape],
  ] as const;
  for (const [name, known] of sections) visit(document[name], known, [name]);
  const tables = [
    ["models", modelSchema.shape],
    ["providers", providerSchema.shape],
  ] as const;
  for (const [name, known] of tables) {
    const table = document[name];
    if (isTable(table)) for (const key of Object.keys(table)) visit(table[key], known, [name, key]);
  }
  const hooks = document.hooks;
  if (Array.isArray(hooks))
    for (const [at, hook] of hooks.entries()) visit(hook, hookSchema.shape, ["hooks", String(at)]);
  return found;
}

/** True for the names that a model entry or the environment may give as a capability. */
export function isCapability(name: string): name is Capability {
  return knownCapabilities.has(name);
}

const knownCapabilities: ReadonlySet<string> = new Set(["image_in", "video_in", "thinking", "always_thinking"]);

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join(".");
  return path === "" ? `the whole ${describeProblem(issue)}` : `${path} ${describeProblem(issue)}`;
}

function describeProblem(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") {
    return issue.input === undefined ? "is required" : `must be ${typeNames[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === "too_small") return `must be at least ${issue.minimum}`;
  if (issue.code === "too_big") return `must be at most ${issue.maximum}`;
  if (issue.code === "invalid_value") return `must be one of ${issue.values.map(String).join(", ")}`;
  return issue.code === "invalid_union" ? issue.message : "is not valid";
}

const typeNames: Readonly<Record<string, string>> = {
  string: "a text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a table",
  record: "a table",
};

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
