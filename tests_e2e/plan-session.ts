/** What the tests of questions and plan mode share: a client that can show both, its answers, and the plan file. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { event, PLAIN_STATUS } from "./expected-events.js";
import type { KernelProcess, Message } from "./kernel-process.js";
import { readState } from "./session-records.js";
import type { Workspace } from "./workspace.js";

/** Capabilities of a client that can show questions and plans. */
export const ABLE = { supports_question: true, supports_plan_mode: true };

/** The StatusUpdate that tells of plan mode and nothing else. */
export function planStatus(on: boolean): Message {
  return event("StatusUpdate", { ...PLAIN_STATUS, plan_mode: on });
}

/** The questions of a QuestionRequest. */
export function questionsOf(request: Message): Record<string, unknown>[] {
  return request.params?.payload.questions as Record<string, unknown>[];
}

/** What a question offers, as the client sees it. */
export function optionsOf(request: Message): { label: string; description: string }[] {
  return (questionsOf(request)[0]?.options ?? []) as { label: string; description: string }[];
}

/** Answers a QuestionRequest, or all of its questions with one word. */
export function answerQuestion(
  kernel: KernelProcess,
  request: Message,
  answers: Readonly<Record<string, string>> | string,
): void {
  const all =
    typeof answers === "string"
      ? Object.fromEntries(questionsOf(request).map((one) => [one.question, answers]))
      : answers;
  kernel.answer(request, { request_id: request.id, answers: all });
}

/** `return_value` of the call with this id. */
export function resultOf(messages: readonly Message[], id: string): Record<string, unknown> {
  const found = messages.find((m) => m.params?.type === "ToolResult" && m.params.payload.tool_call_id === id);
  return (found?.params?.payload.return_value ?? {}) as Record<string, unknown>;
}

/** Puts a plan where the session expects it; gives the path. */
export function writePlan(workspace: Workspace, text: string): string {
  const { plan_slug: slug } = readState(workspace);
  const folder = join(workspace.share, "plans");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${slug}.md`);
  writeFileSync(file, text);
  return file;
}

/** Texts of all plans there are, by file name. */
export function plans(workspace: Workspace): Record<string, string> {
  const folder = join(workspace.share, "plans");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
