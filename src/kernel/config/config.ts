/** The validated configuration, defaults filled in. Keys as wire.md 5.2; our own keys are marked. */
import type { HookEventName } from "../hooks/hook-event.js";
import type { Capability } from "../providers/provider.js";

export type ProviderType =
  | "kimi"
  | "openai_legacy"
  | "openai_responses"
  | "anthropic"
  | "google_genai"
  | "gemini"
  | "vertexai"
  | "_echo"
  | "_scripted_echo"
  | "_chaos";

export interface ModelConfig {
  provider: string;
  model: string;
  max_context_size: number;
  capabilities: Capability[] | null;
  display_name: string | null;
}

export interface ProviderConfig {
  type: ProviderType;
  base_url: string;
  api_key: string;
  env: Record<string, string>;
  custom_headers: Record<string, string>;
  reasoning_key: string | null;
  /** Our own key: the server goes on with an assistant message that ends a request. Default false. */
  assistant_prefill?: boolean;
}

export interface LoopControl {
  max_steps_per_turn: number;
  max_retries_per_step: number;
  max_ralph_iterations: number;
  reserved_context_size: number;
  /** True when the file set reserved_context_size; otherwise min(50,000, 15 % of the window) is reserved. */
  reserved_context_size_set: boolean;
  compaction_trigger_ratio: number;
}

/** Work beside the turn: commands in the background and agents that nobody waits for. */
export interface BackgroundConfig {
  max_running_tasks: number;
  /** Bytes of a task's output that one read gives at most, from its end. */
  read_max_bytes: number;
  /** How much of the output a notification shows the model. */
  notification_tail_lines: number;
  notification_tail_chars: number;
  /** How often a task that outlived its kernel is looked at while someone waits for it. */
  wait_poll_interval_ms: number;
  kill_grace_period_ms: number;
  keep_alive_on_exit: boolean;
  agent_task_timeout_s: number;
}

/** A command that runs at a moment of a session and may say no. */
export interface HookConfig {
  event: HookEventName;
  command: string;
  /** Unanchored regular expression on what the event is about; "" matches all. */
  matcher: string;
  /** Seconds. */
  timeout: number;
  /** Our own: what a hook that fails or takes too long means. */
  on_error: "allow" | "block";
}

export interface KernelConfig {
  default_model: string;
  default_thinking: boolean;
  default_yolo: boolean;
  default_plan_mode: boolean;
  models: Record<string, ModelConfig>;
  providers: Record<string, ProviderConfig>;
  loop_control: LoopControl;
  /** False: of each group of skill folders only the first that exists counts. */
  merge_all_available_skills: boolean;
  extra_skill_dirs: string[];
  background: BackgroundConfig;
  hooks: HookConfig[];
  /** Our own: hosts FetchURL may reach although they are loopback, private or link-local. */
  fetch: { allowed_private_hosts: string[] };
  /** The waits for connecting and for the first turn are our own. */
  mcp: { client: { tool_call_timeout_ms: number; connect_timeout_ms: number; loading_wait_ms: number } };
  /** Our own: which kernel a client starts, "auto", "sidecar" or "in-process". */
  runtime: { kernel: string | null };
}

/** The model a session runs on, after flags, environment and file were merged. */
export interface ResolvedModel {
  alias: string;
  model: ModelConfig;
  provider: ProviderConfig;
  capabilities: ReadonlySet<Capability>;
  thinking: boolean;
  /** provider.env over the process environment; where the scripted provider finds its script. */
  env: Readonly<Record<string, string>>;
  /** KIMI_MODEL_TEMPERATURE, _TOP_P, _MAX_TOKENS; null when unset. */
  temperature: number | null;
  topP: number | null;
  maxTokens: number | null;
}
