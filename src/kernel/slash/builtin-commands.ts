/** The slash commands of the kernel itself. Clients compare some of these texts. */
import { contextUpdate } from "../turn/status-update.js";
import { BUILTIN_COMMANDS } from "./command-list.js";
import { runInit } from "./init-command.js";
import { runPlan } from "./plan-command.js";
import { FINISHED, type SlashCommand } from "./slash-command.js";

/** In the order of the list. Each throws what its work throws. */
export const builtinCommands: readonly SlashCommand[] = [
  {
    ...BUILTIN_COMMANDS.init,
    run: runInit,
  },
  {
    ...BUILTIN_COMMANDS.compact,
    run: async (args, context) => {
      if (context.history.messages.length === 0) {
        context.say("The context is empty.");
        return FINISHED;
      }
      await context.compact(args);
      context.say("The context has been compacted.");
      context.recorder.event("StatusUpdate", contextUpdate(context.history.countedTokens, context.maxContextTokens));
      return FINISHED;
    },
  },
  {
    ...BUILTIN_COMMANDS.clear,
    run: async (_args, context) => {
      context.history.clear();
      context.say("The context has been cleared.");
      context.recorder.event("StatusUpdate", contextUpdate(0, context.maxContextTokens));
      return FINISHED;
    },
  },
  {
    ...BUILTIN_COMMANDS.yolo,
    run: async (_args, context) => {
      context.say(
        context.toggleMode("yolo")
          ? "You only live once! All actions will be auto-approved."
          : "You only die once! Actions will require approval.",
      );
      return FINISHED;
    },
  },
  {
    ...BUILTIN_COMMANDS.afk,
    run: async (_args, context) => {
      context.say(
        context.toggleMode("afk")
          ? "You are away: questions are dismissed and actions approved."
          : "Welcome back: questions and approvals come to you again.",
      );
      return FINISHED;
    },
  },
  {
    ...BUILTIN_COMMANDS.grants,
    run: async (args, context) => (await import("./grants-command.js")).runGrants(args, context),
  },
  {
    ...BUILTIN_COMMANDS.plan,
    run: runPlan,
  },
  {
    ...BUILTIN_COMMANDS["add-dir"],
    run: async (args, context) => (await import("./add-dir-command.js")).runAddDir(args, context),
  },
  {
    ...BUILTIN_COMMANDS.export,
    run: async (args, context) => (await import("./export-command.js")).runExport(args, context),
  },
  {
    ...BUILTIN_COMMANDS.import,
    run: async (args, context) => (await import("./import-command.js")).runImport(args, context),
  },
];

/** Finds a command by name or alias. */
export function findCommand(commands: readonly SlashCommand[], name: string): SlashCommand | null {
  return commands.find((command) => command.name === name || command.aliases.includes(name)) ?? null;
}
