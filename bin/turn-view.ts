/** Shows the events of a turn to a person, as they come. */
import type { Event, McpStatus, SubagentEvent, ToolResult } from "../src/wire/generated/types.gen.js";
import type { Screen } from "./screen.js";
import { argumentSummary, displayText, excerpt, outputText } from "./tool-summary.js";
import { turnMessages as say } from "./turn-messages.js";
import { strictText } from "./visible-text.js";

const TICK_MS = 1_000;

export interface TurnViewOptions {
  screen: Screen;
  /** Gets the model's text in the place of the screen. */
  onText?: (text: string) => void;
}

interface Call {
  id: string;
  name: string;
  args: string;
  startedAt: number;
  shown: boolean;
}

/** For one turn; `close` it afterwards. */
export class TurnView {
  readonly #screen: Screen;
  readonly #onText: (text: string) => void;
  readonly #calls = new Map<string, Call>();
  readonly #timer: NodeJS.Timeout | null;
  #latest: Call | null = null;
  #thinking = false;
  /** In this step. */
  #hasSpoken = false;
  #paused = false;

  constructor({ screen, onText }: TurnViewOptions) {
    this.#screen = screen;
    this.#onText = onText ?? ((text) => screen.stream(text));
    this.#timer = screen.isTerminal ? setInterval(() => this.#tick(), TICK_MS).unref() : null;
  }

  show(event: Event): void {
    if (event.type !== "ToolCallPart") this.#showCalls();
    if (event.type === "StepBegin") this.#hasSpoken = false;
    else if (event.type === "ContentPart" || event.type === "ToolCall") this.#hasSpoken = true;
    switch (event.type) {
      case "ContentPart":
        if (event.payload.type === "text") this.#text(event.payload.text);
        if (event.payload.type === "think" && this.#screen.isTerminal) this.#think(event.payload.think);
        return;
      case "ToolCall":
        this.#begin(event.payload.id, event.payload.function.name, event.payload.function.arguments ?? "");
        return;
      case "ToolCallPart":
        if (this.#latest !== null) this.#latest.args += event.payload.arguments_part ?? "";
        return;
      case "ToolResult":
        this.#result(event.payload);
        return;
      case "SubagentEvent":
        this.#subagent(event.payload);
        return;
      default:
        this.#notice(event);
    }
  }

  /** Somebody is being asked: calls that wait are shown whole, and the clock stands still. */
  pause(): void {
    this.#showCalls();
    this.#screen.status("");
    this.#paused = true;
  }

  /** The answer came; the time of this call counts from now. */
  resume(toolCallId: string): void {
    this.#paused = false;
    const call = this.#calls.get(toolCallId);
    if (call !== undefined) call.startedAt = Date.now();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#showCalls();
    this.#screen.status("");
    this.#screen.breakLine();
  }

  #text(text: string): void {
    if (this.#thinking) this.#screen.breakLine();
    this.#thinking = false;
    this.#onText(text);
  }

  #think(text: string): void {
    if (!this.#thinking) this.#screen.breakLine();
    this.#thinking = true;
    this.#screen.stream(text, "dim");
  }

  #begin(id: string, name: string, args: string): void {
    const call = { id, name, args, startedAt: Date.now(), shown: false };
    this.#calls.set(id, call);
    this.#latest = call;
  }

  /** The arguments of a call are whole as soon as anything else comes. */
  #showCalls(): void {
    for (const call of this.#calls.values()) {
      if (call.shown) continue;
      call.shown = true;
      this.#screen.line(strictText(say.call(call.name, argumentSummary(call.args))), "bold");
    }
    this.#latest = null;
  }

  #result({ tool_call_id: id, return_value: value }: ToolResult): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const seconds = call === undefined ? 0 : (Date.now() - call.startedAt) / 1_000;
    const head = say.result(value.is_error, call?.name ?? say.earlierCall, seconds, value.message);
    this.#screen.line(head, value.is_error ? "red" : "plain");
    const blocks = value.display.map(displayText).filter((text) => text !== "");
    const body = blocks.length > 0 ? blocks.join("\n") : excerpt(outputText(value.output));
    if (body !== "") this.#screen.line(body, "dim");
  }

  #subagent({ event, subagent_type: type, agent_id: id }: SubagentEvent): void {
    const name = type ?? id ?? "agent";
    if (event.type === "ToolCall") {
      const args = argumentSummary(event.payload.function.arguments ?? "");
      this.#screen.line(say.subagent(name, say.call(event.payload.function.name, args)), "dim");
    } else if (event.type === "ToolResult" && event.payload.return_value.is_error) {
      this.#screen.line(say.subagent(name, event.payload.return_value.message), "red");
    }
  }

  #notice(event: Event): void {
    const { type, payload } = event;
    if (type === "StepRetry") {
      this.#calls.clear();
      const { next_attempt: next, max_attempts: most, wait_s: wait, status_code: status } = payload;
      this.#screen.line(say.retry(next, most, Math.ceil(wait), status, this.#hasSpoken), "dim");
      this.#hasSpoken = false;
    } else if (type === "CompactionBegin") this.#screen.line(say.compacting, "dim");
    else if (type === "MCPLoadingBegin") this.#screen.line(say.waitingForMcp, "dim");
    else if (type === "StatusUpdate") this.#mcp(payload.mcp_status);
    else if (type === "PlanDisplay") this.#screen.line(`${say.plan(payload.file_path)}\n${payload.content}`);
    else if (type === "Notification") this.#screen.line(say.notification(payload.title, payload.body), "dim");
    else if (type === "SteerInput") {
      const text = typeof payload.user_input === "string" ? payload.user_input : outputText(payload.user_input);
      this.#screen.line(say.steered(text), "dim");
    } else if (type === "HookResolved" && payload.action === "block") {
      this.#screen.line(say.blocked(payload.event, payload.reason), "red");
    }
  }

  /** It comes when something has changed; kernels of others leave it out. While servers are starting nothing is certain. */
  #mcp(status: McpStatus | null | undefined): void {
    if (!status || status.loading) return;
    for (const server of status.servers) {
      if (server.status === "failed") this.#screen.line(say.mcpFailed(server.name), "red");
      if (server.status === "unauthorized") this.#screen.line(say.mcpUnauthorized(server.name), "red");
    }
  }

  #tick(): void {
    if (this.#paused) return;
    const [oldest] = this.#calls.values();
    if (oldest === undefined || !oldest.shown) return;
    this.#screen.status(say.running(oldest.name, Math.floor((Date.now() - oldest.startedAt) / 1_000)));
  }
}
