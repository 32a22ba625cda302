/** What a conversation is put together from. The runtime owns all of it but the driver, which the conversation closes. */
import type { ApprovalGate } from "../approval/approval-gate.js";
import type { ApprovalMode } from "../approval/policy.js";
import type { KernelConfig } from "../config/config.js";
import type { SessionHooks } from "../hooks/session-hooks.js";
import type { Logger } from "../logger.js";
import type { SessionPlanMode } from "../planning/session-plan-mode.js";
import type { PromptTail } from "../prompt/prompt-tail.js";
import type { SlashCommand, Workspace } from "../slash/slash-command.js";
import type { Toolset } from "../tools/toolset.js";
import type { DmailBox } from "../turn/dmail.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import type { BackgroundWork } from "./background-work.js";
import type { SessionProvider } from "./session-provider.js";

export interface ConversationDeps {
  recorder: TurnRecorder;
  config: KernelConfig;
  toolset: Toolset;
  gate: ApprovalGate;
  hooks: SessionHooks;
  workDir: string;
  workspace: Workspace;
  /** Commands beside the built-in ones, by the name that was typed; null when there is none. */
  findCommand: (name: string) => Promise<SlashCommand | null>;
  promptTail: PromptTail;
  /** null for an agent that cannot return to checkpoints. */
  mail: DmailBox | null;
  /** Tokens of the configured model's window; 0 without one. */
  maxContextTokens: number;
  provider: SessionProvider;
  /** The text of a new session. */
  systemPrompt: () => string;
  /** Flips a mode of the approvals and gives its new state. */
  toggleMode: (name: keyof ApprovalMode) => boolean;
  planMode: SessionPlanMode;
  /** Fresh hex id of 32 digits. */
  newSourceId: () => string;
  freshCallId: () => string;
  /** Work that goes on beside and between the turns. */
  background?: BackgroundWork;
  random: () => number;
  logger: Logger;
  /** Brings the listed tools up to date before a turn; `listed` are those of the stored prefix. */
  joinTools?: (listed: readonly string[] | null, signal: AbortSignal) => Promise<void>;
}
