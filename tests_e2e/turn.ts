/** Drives one prompt and gives back what came, in short forms that a test can compare. */
import type { KernelProcess, Message } from "./kernel-process.js";

export interface Turn {
  /** Everything between the prompt and its response, the response left out. */
  messages: Message[];
  response: Message;
}

/** Sends a prompt, answers requests with `onRequest`, and resolves at its response. `waitMs` bounds each wait. */
export async function runTurn(
  kernel: KernelProcess,
  input: unknown,
  onRequest: (request: Message) => void | Promise<void> = () => {},
  waitMs = 15_000,
): Promise<Turn> {
  const start = kernel.log.length;
  const id = kernel.request("prompt", { user_input: input });
  for (;;) {
    const message = await kernel.next((m) => m.method === "request" || m.id === id, "the end of the turn", waitMs);
    if (message.method === "request") {
      await onRequest(message);
      continue;
    }
    const messages = kernel.log.slice(start).filter((m) => m !== message);
    return { messages, response: message };
  }
}

/** The types of events and requests in order, e.g. ["TurnBegin", "StepBegin", "request:ApprovalRequest", "TurnEnd"]. */
export function types(messages: readonly Message[]): string[] {
  return messages.flatMap((m) => {
    if (m.method === "event") return [m.params?.type ?? "?"];
    return m.method === "request" ? [`request:${m.params?.type}`] : [];
  });
}

/** Payloads of all events of one type. */
export function payloads(messages: readonly Message[], type: string): Record<string, unknown>[] {
  return messages.flatMap((m) => (m.method === "event" && m.params?.type === type ? [m.params.payload] : []));
}

/** All streamed text joined. */
export function text(messages: readonly Message[]): string {
  return payloads(messages, "ContentPart")
    .map((part) => (part.type === "text" ? String(part.text) : ""))
    .join("");
}
