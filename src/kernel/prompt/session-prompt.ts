/** The system text of a new session: the kernel's own or the agent file's, with what the project asks for. */
import { readdirSync } from "node:fs";
import type { LoadedAgent } from "../agent-spec/loaded-agent.js";
import { fillTemplate, type PromptFacts, ROLE_ARGUMENT } from "../agent-spec/prompt-template.js";
import { projectNotes } from "./project-notes.js";
import { systemPrompt } from "./system-prompt.js";

const MAX_LISTED = 100;

/** Adds what is looked up in the work dir to what the caller knows. */
export function promptFacts(known: Omit<PromptFacts, "projectNotes" | "workDirListing">): PromptFacts {
  return { ...known, projectNotes: projectNotes(known.workDir), workDirListing: listing(known.workDir) };
}

/** Builds the text once, when the session begins; it is stored and never changes. */
export function sessionPrompt(agent: LoadedAgent | null, facts: PromptFacts): string {
  if (agent !== null && agent.systemPrompt !== null) {
    return fillTemplate(agent.systemPrompt, agent.systemPromptArgs, facts);
  }
  const notes = facts.projectNotes;
  const role = agent?.systemPromptArgs[ROLE_ARGUMENT]?.trim() ?? "";
  const dirs = facts.additionalDirs.join(", ");
  return [
    systemPrompt(facts),
    ...(dirs === "" ? [] : [`These folders belong to the workspace too: ${dirs}`]),
    ...(role === "" ? [] : [role]),
    ...(notes === "" ? [] : [`The project's own rules, from its AGENTS.md:\n\n${notes}`]),
  ].join("\n\n");
}

function listing(workDir: string): string {
  try {
    const names = readdirSync(workDir, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort();
    const more = names.length - MAX_LISTED;
    return [...names.slice(0, MAX_LISTED), ...(more > 0 ? [`... ${more} more`] : [])].join("\n");
  } catch {
    return "";
  }
}
