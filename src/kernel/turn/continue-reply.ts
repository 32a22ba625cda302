/**
 * Goes on with a reply that was cut off: what the client was shown stays, and the model continues behind it. So no
 * attempt is ever taken back here (no StepRetry): each one continues behind what all before it have shown.
 */
import { delay } from "../abort.js";
import type { ContentPart, Message, ToolCall } from "../messages.js";
import { ProviderError } from "../providers/provider.js";
import { MessageAssembler } from "../storage/message-assembler.js";
import { interruptedCall, toolMessage } from "../storage/tool-message.js";
import type { CallPosition } from "../storage/turn-position.js";
import type { History } from "./history.js";
import { type ModelCall, type ModelReply, streamOnce } from "./model-call.js";
import { retryDelayMs } from "./retry.js";
import { storableCall } from "./storable-call.js";

const NOTE =
  "<system>Your reply was cut off. Continue exactly behind its last character: repeat nothing, announce nothing.</system>";

/** What a cut reply had said. */
export interface CutReply {
  content: readonly ContentPart[];
  toolCalls: readonly ToolCall[];
  /** What is recorded of its calls. */
  calls: ReadonlyMap<string, CallPosition>;
}

/** True when something was said that must not be said again; half a thought is of no use to a model. */
export function saidSomething({ content, toolCalls }: Pick<CutReply, "content" | "toolCalls">): boolean {
  return toolCalls.length > 0 || withoutThoughts(content).length > 0;
}

/** True when the conversation ends in a cut reply whose continuation has not begun. */
export function endsInCut(messages: readonly Message[]): boolean {
  const last = messages.at(-1);
  if (last === undefined || last.role === "assistant") return false;
  return isCutNote(last) || (last.role === "tool" && textOf(last) === toolText(last.tool_call_id));
}

/** True for the message that asks the model to go on behind what it had said. */
export function isCutNote(message: Message): boolean {
  return message.role === "user" && textOf(message) === NOTE;
}

/**
 * Runs the call behind what was cut. Gives what is left to be stored: with a provider that can prefill the whole reply,
 * else the continuation, while the part before it is in the conversation by then. An empty answer means that the reply
 * was complete. Throws as callModel does.
 */
export async function continueReply(cut: CutReply, call: ModelCall, history: History): Promise<ModelReply> {
  let prefill = call.provider.canPrefill === true;
  let said = cut;
  for (let attempt = 1; ; ) {
    const behind = prefill && said.toolCalls.length === 0 ? withoutThoughts(said.content) : [];
    if (behind.length === 0 && saidSomething(said)) storeCut(said, call, history);
    const assembler = new MessageAssembler();
    for (const part of behind) assembler.push({ kind: "content", part });
    const partial: Message[] = behind.length === 0 ? [] : [{ role: "assistant", content: behind, tool_calls: [] }];
    const request = { ...call.request, messages: [...history.messages, ...partial] };
    try {
      return await streamOnce({ ...call, request }, assembler);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (!(error instanceof ProviderError)) throw error;
      const { content, toolCalls } = assembler.finish();
      said = { content, toolCalls, calls: new Map() };
      if (error.errorType === "APIEmptyResponseError") return { ...said, content, toolCalls, ...NOTHING_MORE };
      if (behind.length > 0 && isRefusal(error)) {
        prefill = false;
        continue;
      }
      const wait = retryDelayMs(error, attempt, call.maxAttempts, call.random);
      if (wait === null) throw error;
      attempt += 1;
      await delay(wait, call.signal);
    }
  }
}

const NOTHING_MORE = { usage: null, messageId: null, finishReason: "stop" } as const;

/** The calls of a cut reply did not run: their results say so, to the client first. */
function storeCut({ content, toolCalls, calls }: CutReply, { recorder, step }: ModelCall, history: History): void {
  const results = toolCalls.map(({ id }) => {
    const known = calls.get(id)?.result ?? null;
    const return_value = known === null ? interruptedCall() : known.returnValue;
    if (known === null) recorder.result({ tool_call_id: id, return_value });
    return toolMessage(id, return_value);
  });
  const kept = withoutThoughts(content);
  const assistant: Message = { role: "assistant", content: kept, tool_calls: toolCalls.map(storableCall) };
  // Behind results a model goes on by itself.
  const note: Message[] = toolCalls.length > 0 ? [] : [{ role: "user", content: [{ type: "text", text: NOTE }] }];
  history.appendTogether(assistant, ...results, ...note);
  recorder.note({ kind: "notice", code: "continued", data: { n: step } }, false);
}

function withoutThoughts(content: readonly ContentPart[]): ContentPart[] {
  return content.filter((part) => part.type !== "think");
}

function toolText(callId: string): string {
  return textOf(toolMessage(callId, interruptedCall()));
}

function textOf({ content }: Message): string {
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The server does not take a request that ends like this, whatever its words for it are. */
function isRefusal({ statusCode, retryable }: ProviderError): boolean {
  return !retryable && (statusCode === 400 || statusCode === 422);
}
