/**
 * A fake client of Wire 1.2, as strict as the published ones of that age: a message it does not know ends it, a turn
 * begins with TurnBegin and has none within it, and it says `cancel` after every turn and waits for the answer.
 */
import type { KernelProcess, Message } from "./kernel-process.js";

const KNOWN: ReadonlySet<string> = new Set([
  ...["TurnBegin", "TurnEnd", "StepBegin", "StepInterrupted", "CompactionBegin", "CompactionEnd", "StatusUpdate"],
  ...["ContentPart", "ToolCall", "ToolCallPart", "ToolResult", "ApprovalResponse", "SubagentEvent"],
  ...["request:ApprovalRequest", "request:ToolCallRequest"],
]);

interface WireMessage {
  type: string;
  payload: Record<string, unknown>;
}

/** What the user of such a client sees of one turn: types after the first StepBegin, and the text in them. */
export interface OldTurn {
  seen: string[];
  text: string;
  response: Message;
}

export class OldClient {
  readonly #kernel: KernelProcess;
  /** Most approvals that were open at once. */
  mostOpen = 0;

  constructor(kernel: KernelProcess) {
    this.#kernel = kernel;
  }

  /** Runs one prompt to the end of its last reply; throws where the client would break. */
  async prompt(input: string, onRequest: (request: Message) => unknown = () => null): Promise<OldTurn> {
    const kernel = this.#kernel;
    const turn: OldTurn = { seen: [], text: "", response: {} };
    const id = kernel.request("prompt", { user_input: input });
    let began = false;
    let ended = false;
    let stepped = false;
    let open = 0;
    while (!ended) {
      const message = await kernel.next(() => true, "the next message", 15_000);
      if (message.method === undefined) {
        // Answers go to whoever waits for them; only an early one to this prompt would be a fault.
        if (message.id !== id) continue;
        if (began) throw new Error("the answer to prompt came before TurnEnd");
        turn.response = message;
        return turn;
      }
      const { type, payload } = this.#known(message);
      if (type === "TurnBegin" && began) throw new Error("TurnBegin in a turn");
      if (type !== "TurnBegin" && !began) throw new Error(`${type} before TurnBegin`);
      if (type === "TurnBegin") began = true;
      if (type === "StepBegin") stepped = true;
      if (type === "ApprovalResponse") open -= 1;
      if (!stepped && type.startsWith("request:")) throw new Error(`${type} before the first step is never answered`);
      if (stepped) turn.seen.push(type);
      if (stepped && type === "ContentPart" && payload.type === "text") turn.text += String(payload.text);
      if (type === "request:ApprovalRequest") {
        open += 1;
        this.mostOpen = Math.max(this.mostOpen, open);
      }
      if (type.startsWith("request:")) {
        const answer = onRequest(message);
        if (answer !== null) kernel.answer(message, answer);
      }
      ended = type === "TurnEnd";
    }
    const cancel = kernel.request("cancel", {});
    const answered = await kernel.response(cancel);
    if (answered.result === undefined && answered.error === undefined) throw new Error("cancel was not answered");
    turn.response = await kernel.response(id);
    return turn;
  }

  #known(message: Message): WireMessage {
    const prefix = message.method === "request" ? "request:" : "";
    const { type, payload } = message.params ?? { type: "?", payload: {} };
    if (!KNOWN.has(prefix + type)) throw new Error(`unknown: ${JSON.stringify(message)}`);
    if (type === "SubagentEvent") this.#known({ method: "event", params: { ...(payload.event as WireMessage) } });
    if (type === "SubagentEvent" && typeof payload.task_tool_call_id !== "string") throw new Error("whose subagent?");
    return { type: prefix + type, payload };
  }
}
