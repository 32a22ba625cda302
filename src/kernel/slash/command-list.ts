/** The slash commands a client is told of, as data: initialize must not load what they do. */
export interface CommandInfo {
  readonly name: string;
  readonly description: string;
  readonly aliases: readonly string[];
}

export const BUILTIN_COMMANDS = {
  init: { name: "init", description: "Look at the project and write an AGENTS.md", aliases: [] },
  compact: {
    name: "compact",
    description: "Replace the conversation by a summary; say after it what to keep",
    aliases: [],
  },
  clear: { name: "clear", description: "Forget the conversation", aliases: ["reset"] },
  yolo: { name: "yolo", description: "Switch automatic approval of all actions on or off", aliases: [] },
  afk: { name: "afk", description: "Away: approve all actions and dismiss all questions, or stop that", aliases: [] },
  plan: { name: "plan", description: "Switch plan mode, or on, off, view, clear", aliases: [] },
} as const satisfies Record<string, CommandInfo>;
