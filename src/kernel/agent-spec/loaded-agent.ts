/** An agent as its file and the files it extends say it is; everything checked. */

export interface LoadedAgent {
  readonly name: string;
  /** When to use it, for whoever chooses between agents; "" when the file does not say. */
  readonly description: string;
  /** Template of its system text (prompt-template.ts); null for the kernel's own text. */
  readonly systemPrompt: string | null;
  /** Values that the file gives to the template's own variables. */
  readonly systemPromptArgs: Readonly<Record<string, string>>;
  /** Alias of its model; null for the session's. */
  readonly model: string | null;
  /** Exactly these built-in tools; null for the default loadout. Excluded ones are not among them. */
  readonly toolNames: readonly string[] | null;
  /** Built-in tools that do not exist for this agent. */
  readonly excluded: ReadonlySet<string>;
  /** The agents that it may start beside the kernel's own types, in file order. They start none themselves. */
  readonly subagents: readonly LoadedSubagent[];
}

export interface LoadedSubagent {
  readonly name: string;
  readonly description: string;
  readonly agent: LoadedAgent;
}
