/** `/grants [revoke <id>]`: what was approved for the session, and how to take it back. */
import type { TurnResult } from "../turn/turn.js";
import { FINISHED, type SlashContext } from "./slash-command.js";

/** What the command may do with the grants of the session. */
export interface GrantControl {
  /** `text` is one phrase for a person. */
  list(): readonly { id: string; text: string }[];
  /** False when there is no such grant, or when that could not be stored. */
  revoke(id: string): boolean;
}

/** Says what it did. Anything but the two forms changes nothing. */
export async function runGrants(args: string, { grants, say }: SlashContext): Promise<TurnResult> {
  const words = args.split(/\s+/).filter((word) => word !== "");
  const [verb, id] = words;
  if (words.length === 0) say(listed(grants));
  else if (words.length === 2 && verb === "revoke" && id !== undefined) say(revoked(id, grants));
  else say("Usage: /grants, or /grants revoke <id>");
  return FINISHED;
}

function listed(grants: GrantControl): string {
  const list = grants.list();
  if (list.length === 0) return "Nothing is approved for this session.";
  const lines = list.map(({ id, text }) => `  - ${id}: ${text}`);
  return `Approved for this session:\n${lines.join("\n")}\nTake one back with /grants revoke <id>.`;
}

function revoked(id: string, grants: GrantControl): string {
  const found = grants.list().find((grant) => grant.id === id);
  if (found === undefined) return `No grant has the id ${id}.`;
  return grants.revoke(id) ? `Asked again from now on: ${found.text}` : "The grant could not be taken back.";
}
