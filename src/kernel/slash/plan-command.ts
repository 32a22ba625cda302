/** `/plan [on|off|view|clear]`: plan mode by hand; without an argument it is switched over. */
import type { TurnResult } from "../turn/turn.js";
import { FINISHED, type SlashContext } from "./slash-command.js";

/** What the command may do with plan mode. */
export interface PlanControl {
  readonly active: boolean;
  readonly planFile: string;
  set(active: boolean): void;
  announce(): void;
  read(signal: AbortSignal): Promise<string | null>;
  clear(): void;
}

/** Says what it did; the new mode follows as StatusUpdate. Anything but the four words changes nothing. */
export async function runPlan(args: string, context: SlashContext): Promise<TurnResult> {
  const { planMode, say } = context;
  switch (args.toLowerCase()) {
    case "":
      switchTo(!planMode.active, context);
      break;
    case "on":
      switchTo(true, context);
      break;
    case "off":
      switchTo(false, context);
      break;
    case "view": {
      const plan = await planMode.read(context.signal);
      say(plan === null || plan.trim() === "" ? "There is no plan yet." : plan);
      break;
    }
    case "clear":
      planMode.clear();
      say("The plan is deleted.");
      break;
    default:
      say("Usage: /plan [on|off|view|clear]");
  }
  return FINISHED;
}

function switchTo(active: boolean, { planMode, say }: SlashContext): void {
  planMode.set(active);
  say(active ? `Plan mode is on. The plan goes to ${planMode.planFile}` : "Plan mode is off.");
  planMode.announce();
}
