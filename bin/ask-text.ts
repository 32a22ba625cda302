/** The words in which a person is asked, and what the person's words mean. Pure. */
import type { ApprovalAnswer, GrantProposal } from "../src/client/host.js";
import type { ApprovalRequest, Question } from "../src/wire/generated/types.gen.js";
import { chatMessages as say } from "./chat-messages.js";
import { displayText, isBlock } from "./tool-summary.js";
import { strictText } from "./visible-text.js";

/** What would happen, with everything that hides in it made visible. */
export function approvalText(request: ApprovalRequest): string {
  const { sender, action, description, display, subagent_type: subagent } = request;
  const lines = [say.ask(sender, action), indented(description)];
  if (subagent !== null) lines.push(say.subagent(subagent));
  for (const block of display) {
    if (isBlock(block, "shell")) {
      if (!description.includes(block.command)) lines.push(indented(block.command));
    } else {
      const text = displayText(block);
      if (text !== "") lines.push(indented(text));
    }
  }
  return strictText(lines.join("\n"));
}

/** The question behind it; `grant` is undefined where the kernel does not tell what a grant would be. */
export function allowPrompt(grant: GrantProposal | null | undefined): string {
  if (grant === undefined) return say.allow(say.unknownGrant);
  return say.allow(grant === null ? null : strictText(grant.text));
}

/** y, a, n, or words for the model. Nothing at all is a no. */
export function approvalAnswer(line: string | null, grant: GrantProposal | null | undefined): ApprovalAnswer {
  const words = (line ?? "").trim();
  const word = words.toLowerCase();
  if (word === "y" || word === "yes") return { response: "approve" };
  if ((word === "a" || word === "always") && grant !== null) return { response: "approve_for_session" };
  const reason = word === "n" || word === "no" ? "" : words.replace(/^no?[\s,:]+/i, "");
  return { response: "reject", feedback: reason };
}

/** "Always" where it was not offered: a slip, not a reason for the model. */
export function isMissingGrant(line: string | null, grant: GrantProposal | null | undefined): boolean {
  return grant === null && /^\s*a(lways)?\s*$/i.test(line ?? "");
}

/** A question with its numbered options. */
export function questionText({ header, question, body, options }: Question): string {
  const choices = options.map(({ label, description }, i) => say.option(i + 1, label, description));
  const parts = [say.question(header, question), ...(body === "" ? [] : [indented(body)]), ...choices];
  return strictText(parts.join("\n"));
}

/** Labels for numbers that name options, the words themselves for everything else; null for nothing. */
export function chosen(line: string | null, { options, multi_select: multiple }: Question): string | null {
  const words = (line ?? "").trim();
  if (words === "") return null;
  const items = multiple ? words.split(/[\s,]+/).filter((item) => item !== "") : [words];
  const labels = items.map((item) => (/^\d+$/.test(item) ? options[Number(item) - 1]?.label : undefined));
  return labels.every((label) => label !== undefined) ? labels.join(", ") : words;
}

function indented(text: string): string {
  return text.replace(/^/gm, "  ");
}
