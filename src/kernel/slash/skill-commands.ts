/** `/skill:x` and `/flow:x`: looked up when they are called, so that a skill written a moment ago works. */
import { errorMessage } from "../errors.js";
import { parseFlow } from "../flows/parse-flow.js";
import type { Skill, SkillSet } from "../skills/skill.js";
import { readSkillText, type SkillCatalog } from "../skills/skill-catalog.js";
import { FINISHED, type SlashCommand, type SlashContext } from "./slash-command.js";

type Group = "skill" | "flow";

/** null when there is no such skill or flow. One that is broken gives a command that says why. */
export async function findSkillCommand(typed: string, catalog: SkillCatalog): Promise<SlashCommand | null> {
  const colon = typed.indexOf(":");
  const group = typed.slice(0, colon);
  if (group !== "skill" && group !== "flow") return null;
  const name = typed.slice(colon + 1);
  return commandIn(await catalog.list(), group, name, true) ?? commandIn(await catalog.refresh(), group, name, false);
}

/** `soundOnly`: a fault may have been mended since it was found. */
function commandIn(set: SkillSet, group: Group, name: string, soundOnly: boolean): SlashCommand | null {
  const skill = set.skills.find((each) => each.name === name && (group === "skill" || each.kind === "flow"));
  if (skill !== undefined) return command(group, skill);
  const fault = set.faults.find((each) => each.name === name && (group === "flow" || each.what === "skill"));
  if (fault === undefined || soundOnly) return null;
  return {
    name: `${group}:${name}`,
    description: "",
    aliases: [],
    run: async (_args, context) => {
      context.say(fault.reason);
      return FINISHED;
    },
  };
}

function command(group: Group, skill: Skill): SlashCommand {
  return {
    name: `${group}:${skill.name}`,
    description: skill.description,
    aliases: [],
    run: (args, context) => (group === "skill" ? runSkill(skill, args, context) : runSkillFlow(skill, args, context)),
  };
}

async function runSkill(skill: Skill, args: string, context: SlashContext) {
  const text = await textOf(skill, context);
  if (text === null) return FINISHED;
  return await context.runHere(args === "" ? text : `${text}\n\nUser request:\n${args}`);
}

async function runSkillFlow(skill: Skill, args: string, context: SlashContext) {
  const text = await textOf(skill, context);
  if (text === null) return FINISHED;
  try {
    parseFlow(text);
  } catch (error) {
    context.say(`The flow ${skill.name} cannot run: ${errorMessage(error)}.`);
    return FINISHED;
  }
  return await context.runFlow(parseFlow(text), args);
}

/** null after the user was told that the file cannot be read any more. */
async function textOf(skill: Skill, context: SlashContext): Promise<string | null> {
  try {
    return await readSkillText(skill);
  } catch (error) {
    context.say(`The skill ${skill.name} cannot be used: ${skill.file} ${errorMessage(error)}.`);
    return null;
  }
}
