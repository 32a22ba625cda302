/** The slash commands a client is told of, as data: initialize must not load what they do. */
export interface CommandInfo {
  readonly name: string;
  readonly description: string;
  readonly aliases: readonly string[];
}

/** In the order in which they are listed. */
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
  grants: { name: "grants", description: "List what is approved for this session, or revoke <id>", aliases: [] },
  plan: { name: "plan", description: "Switch plan mode, or on, off, view, clear", aliases: [] },
  "add-dir": { name: "add-dir", description: "Make one more folder part of the workspace, or list them", aliases: [] },
  export: { name: "export", description: "Write the conversation to a Markdown file", aliases: [] },
  import: { name: "import", description: "Take a file or another session into the conversation", aliases: [] },
} as const satisfies Record<string, CommandInfo>;
