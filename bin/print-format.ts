/** The formats in which `kernel -p` gives its answer. */
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import type { Message } from "../src/kernel/messages.js";
import { toContextMessage } from "../src/kernel/storage/context-format.js";
import type { Event } from "../src/wire/generated/types.gen.js";
import { TurnTally } from "./turn-tally.js";
import { visibleJson, visibleText } from "./visible-text.js";

export interface PrintOutcome {
  sessionId: string;
  turnId: string | null;
  status: "finished" | "cancelled" | "max_steps_reached" | "failed" | "interrupted";
  unknownEffects: readonly string[];
  error: { code: string; message: string } | null;
}

/** Gets everything that happens, in order, and then the end, once. */
export interface PrintFormat {
  event?(event: Event): void;
  /** The model's text, where it is shown as it comes; the other formats leave it out. */
  text?(text: string): void;
  envelope?(method: "event" | "request", params: { type: string; payload: unknown }): void;
  /** Something is about to be said on stderr in the middle of the text. */
  notice?(): void;
  end(outcome: PrintOutcome): void;
}

export interface PrintOutput {
  write(text: string): void;
  isTerminal: boolean;
}

/** The format that the flags ask for; `text` when they ask for none. */
export function printFormat(
  flags: Pick<KernelFlags, "outputFormat" | "finalMessageOnly">,
  out: PrintOutput,
): PrintFormat {
  switch (flags.outputFormat ?? "text") {
    case "text":
      return flags.finalMessageOnly ? finalText(out) : streamedText(out);
    case "json":
      return oneObject(out);
    case "stream-json":
      return flags.finalMessageOnly ? lastMessage(out) : messageLines(out);
    case "wire":
      return { envelope: (method, params) => writeJson(out, envelope(method, params)), end: () => {} };
  }
}

function streamedText(out: PrintOutput): PrintFormat {
  let midLine = false;
  const endLine = (): void => {
    if (midLine) out.write("\n");
    midLine = false;
  };
  return {
    event: ({ type }) => {
      if (type === "ToolCall" || type === "StepBegin" || type === "StepRetry") endLine();
    },
    text: (text) => {
      if (text === "") return;
      out.write(out.isTerminal ? visibleText(text) : text);
      midLine = !text.endsWith("\n");
    },
    // What a person reads on one screen; a file gets the text as it is.
    notice: () => {
      if (out.isTerminal) endLine();
    },
    end: endLine,
  };
}

function finalText(out: PrintOutput): PrintFormat {
  const tally = new TurnTally();
  return {
    event: (event) => tally.add(event),
    end: () => {
      tally.close();
      const text = out.isTerminal ? visibleText(tally.finalText) : tally.finalText;
      if (text !== "") out.write(text.endsWith("\n") ? text : `${text}\n`);
    },
  };
}

function oneObject(out: PrintOutput): PrintFormat {
  const tally = new TurnTally();
  return {
    event: (event) => tally.add(event),
    end: ({ sessionId, turnId, status, unknownEffects, error }) => {
      tally.close();
      const object = {
        session_id: sessionId,
        ...(turnId === null ? {} : { turn_id: turnId }),
        status,
        text: tally.finalText,
        steps: tally.steps,
        usage: tally.usage,
        unknown_effects: unknownEffects,
        error,
      };
      writeJson(out, object);
    },
  };
}

/** Messages as context.jsonl has them. */
function messageLines(out: PrintOutput): PrintFormat {
  const tally = new TurnTally((message) => writeJson(out, toContextMessage(message)));
  return { event: (event) => tally.add(event), end: () => tally.close() };
}

function lastMessage(out: PrintOutput): PrintFormat {
  let last: Message | null = null;
  const tally = new TurnTally((message) => {
    if (message.role === "assistant") last = message;
  });
  return {
    event: (event) => tally.add(event),
    end: () => {
      tally.close();
      if (last !== null) writeJson(out, toContextMessage(last));
    },
  };
}

/** As the kernel wrote it, but for the order of keys: a request's id is that of its payload. */
function envelope(method: "event" | "request", { type, payload }: { type: string; payload: unknown }): object {
  const id = method === "request" ? { id: (payload as { id: string }).id } : {};
  return { jsonrpc: "2.0", method, ...id, params: { type, payload } };
}

function writeJson(out: PrintOutput, value: object): void {
  const json = JSON.stringify(value);
  out.write(`${out.isTerminal ? visibleJson(json) : json}\n`);
}
