/** What a slash command is and what it may touch. */

import type { History } from "../turn/history.js";
import type { Recorder } from "../turn/recorder.js";
import type { TurnResult } from "../turn/turn.js";
import type { CommandInfo } from "./command-list.js";
import type { PlanControl } from "./plan-command.js";

export interface SlashContext {
  signal: AbortSignal;
  recorder: Recorder;
  history: History;
  workDir: string;
  /** Tokens; 0 when no model is set. */
  maxContextTokens: number;
  /** Shows a text to the user without asking the model. */
  say(text: string): void;
  /** Flips yolo and returns the new state. */
  toggleYolo(): boolean;
  /** Flips afk and returns the new state. */
  toggleAfk(): boolean;
  planMode: PlanControl;
  /** Throws llm_not_set without a model. */
  compact(focus: string): Promise<void>;
  /** Runs steps in a conversation that is thrown away afterwards. Throws llm_not_set without a model. */
  runAside(prompt: string): Promise<TurnResult>;
}

export interface SlashCommand extends CommandInfo {
  run(args: string, context: SlashContext): Promise<TurnResult>;
}

export const FINISHED: TurnResult = { status: "finished" };
