/** A model that plays a script; what it says next is a pure function of the messages. For tests of turns that are cut. */
import type { Message } from "../messages.js";
import type { ChatRequest, StreamEnd, StreamPart } from "../providers/provider.js";
import { callPart, type ScriptedReply, textPart } from "./fake-provider.js";

export interface ScriptCall {
  tool: string;
  /** Tells the calls of a script apart. */
  key: string;
}

export interface ScriptStep {
  think: boolean;
  text: string;
  calls: readonly ScriptCall[];
}

/** What it says in answer to a steer, each time that it finds one. */
export const acknowledged = (steer: string) => `[${steer}]`;

/** Steers are user messages that begin with "steer". A call that did not run is made again. */
export function scriptedModel(script: readonly ScriptStep[]): ScriptedReply {
  return (request) => answer(script, request);
}

async function* answer(
  script: readonly ScriptStep[],
  { messages }: ChatRequest,
): AsyncGenerator<readonly StreamPart[], StreamEnd, void> {
  const said = messages.map((message) => (message.role === "assistant" ? textOf(message) : "")).join("");
  const keys = new Map(messages.flatMap((message) => (message.role === "assistant" ? keysOf(message) : [])));
  const done = new Set<string | undefined>();
  for (const message of messages) {
    if (message.role === "tool" && !textOf(message).includes("did not run")) done.add(keys.get(message.tool_call_id));
  }
  let text = "";
  let step: ScriptStep | undefined;
  for (const each of script) {
    text += each.text;
    step = each;
    if (said.length < text.length || each.calls.some(({ key }) => !done.has(key))) break;
  }
  const calls = step?.calls.filter(({ key }) => !done.has(key)) ?? [];
  if (step === script.at(-1) && calls.length === 0) {
    const steers = messages.filter((message) => message.role === "user" && textOf(message).startsWith("steer"));
    text += steers.map((message) => acknowledged(textOf(message))).join("");
  }
  if (!text.startsWith(said)) throw new Error(`the model is told that it had said ${JSON.stringify(said)}`);
  const rest = text.slice(said.length);
  if (step?.think === true) for (const think of ["hm ", "well"]) yield [thinkPart(think)];
  for (const piece of rest.match(/.{1,4}/gs) ?? []) yield [textPart(piece)];
  for (const { tool, key } of calls) yield [callPart(`${key}-${keys.size}`, tool, { key })];
  return { usage: null, messageId: "m", finishReason: calls.length === 0 ? "stop" : "tool_calls" };
}

function textOf({ content }: Message): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

function keysOf({ tool_calls }: Extract<Message, { role: "assistant" }>): [string, string][] {
  return tool_calls.map(({ id, function: fn }) => [id, keyOf(fn.arguments)]);
}

/** The key in a call's arguments; "" for half a call. */
export function keyOf(text: string | null): string {
  return /"key":"([^"]*)"/.exec(text ?? "")?.[1] ?? "";
}

function thinkPart(think: string): StreamPart {
  return { kind: "content", part: { type: "think", think, encrypted: null } };
}
