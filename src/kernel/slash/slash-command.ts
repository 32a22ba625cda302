/** What a slash command is and what it may touch. */

import type { Flow } from "../flows/flow.js";
import type { PathScope } from "../tools/support/workspace-path.js";
import type { History } from "../turn/history.js";
import type { Recorder } from "../turn/recorder.js";
import type { TurnResult } from "../turn/turn.js";
import type { CommandInfo } from "./command-list.js";
import type { GrantControl } from "./grants-command.js";
import type { PlanControl } from "./plan-command.js";

/** Where the session works. */
export interface Workspace extends PathScope {
  shareDir: string;
  /** Adds a folder, absolute and without links, for this session and its later starts. */
  addDir(dir: string): void;
}

export interface SlashContext {
  signal: AbortSignal;
  recorder: Recorder;
  history: History;
  workDir: string;
  workspace: Workspace;
  sessionId: string;
  /** Tokens; 0 when no model is set. */
  maxContextTokens: number;
  /** Shows a text to the user without asking the model. */
  say(text: string): void;
  /** Flips yolo or afk and returns the new state. */
  toggleMode(name: "yolo" | "afk"): boolean;
  planMode: PlanControl;
  grants: GrantControl;
  /** Throws llm_not_set without a model. */
  compact(focus: string): Promise<void>;
  /** Runs steps in a conversation that is thrown away afterwards. Throws llm_not_set without a model. */
  runAside(prompt: string): Promise<TurnResult>;
  /** Runs steps in the conversation itself. Throws llm_not_set without a model. */
  runHere(input: string): Promise<TurnResult>;
  /** Runs a flow, or the rest of it, as turns inside this turn. Throws llm_not_set without a model. */
  runFlow(flow: Flow, request: string): Promise<TurnResult>;
}

export interface SlashCommand extends CommandInfo {
  run(args: string, context: SlashContext): Promise<TurnResult>;
}

/** What a command gives that did its work. */
export const FINISHED: TurnResult = { status: "finished" };
