/** What a journal tells of a turn that has no end: where it stood, to be closed there or gone on with. */

import { openAgentPositions } from "./agent-records.js";
import { decideHook } from "./call-position.js";
import { contentParts, fromContextRecord } from "./context-format.js";
import type { JournalRecord } from "./crc-line.js";
import { asObject } from "./line-json.js";
import { OpenAgents } from "./open-agents.js";
import { type ApprovalEnd, OpenApprovals } from "./open-approvals.js";
import { OpenHooks } from "./open-hooks.js";
import { StepReader, streamPart } from "./step-position.js";
import type { FlowPosition, StepPosition, TurnPosition } from "./turn-position.js";
import { isDelivered } from "./wire-file.js";

/** The open turn, with what only its end needs. */
export interface OpenTurn {
  readonly position: TurnPosition;
  /** What the turn's subagents left open. */
  readonly agents: OpenAgents;
  /** How every approval ends that was asked. */
  readonly approvals: readonly ApprovalEnd[];
}

/** A note that the model gets of a checkpoint; it says nothing of the turn. */
const CHECKPOINT_NOTE = /^<system>CHECKPOINT \d+<\/system>$/;

/** The open turn of these records, or null when the newest turn is closed or there is none. Never throws. */
export function findOpenTurn(records: readonly JournalRecord[]): OpenTurn | null {
  let turn: TurnReader | null = null;
  for (const record of records) {
    if (record.kind === "turn") turn = new TurnReader(record);
    else if (record.kind === "turn_end") turn = null;
    else turn?.take(record);
  }
  if (turn === null) return null;
  const { agents, approvals } = turn;
  return { position: withAgents(turn.position(), records), agents, approvals: approvals.ends() };
}

/** The calls that wait for a subagent get where it stands. */
function withAgents(position: TurnPosition, records: readonly JournalRecord[]): TurnPosition {
  const agents = openAgentPositions(records, (own) => findOpenTurn(own)?.position ?? null);
  for (const [callId, agent] of agents) {
    const call = position.step?.calls.get(callId);
    if (call !== undefined) call.agent = agent;
  }
  return position;
}

/** True for an input that is a command, not a message to the model. */
export function isSlashCommand(input: unknown): boolean {
  const text = contentParts(input)
    .map((part) => (part.type === "text" ? part.text : ""))
    .join(" ");
  return text.trim().startsWith("/");
}

class TurnReader {
  readonly agents = new OpenAgents();
  readonly approvals = new OpenApprovals();
  readonly #hooks = new OpenHooks();
  readonly #turn: Omit<TurnPosition, "step" | "steers" | "openInnerTurns">;
  readonly #steers = new Map<string, TurnPosition["userInput"]>();
  #openTurns = 0;
  #step: StepReader | null = null;

  constructor({ fields }: JournalRecord) {
    const { turn_id, client_id, user_input } = fields;
    this.#turn = {
      turnId: typeof turn_id === "string" ? turn_id : "",
      clientId: typeof client_id === "string" ? client_id : null,
      userInput: userInput(user_input),
      deliveredSeq: 0,
      begun: false,
      cancelled: false,
      openBrackets: [],
      inner: null,
      promptHook: null,
      stopHook: null,
      earlierCalls: [],
      flow: null,
      hasContext: false,
      unshownSteers: [],
    };
  }

  position(): TurnPosition {
    return {
      ...this.#turn,
      openBrackets: [...this.#turn.openBrackets],
      openHooks: this.#hooks.ends().map((end) => ({ ...end })),
      openApprovals: this.approvals.overdue().map((end) => ({ ...end })),
      unshownSteers: [...this.#turn.unshownSteers],
      openInnerTurns: Math.max(0, this.#openTurns - 1),
      steers: [...this.#steers].map(([id, input]) => ({ id, userInput: input })),
      step: this.#step?.position() ?? null,
    };
  }

  take(record: JournalRecord): void {
    const { kind, fields } = record;
    const turn = this.#turn;
    this.agents.take(record);
    this.#hooks.take(record);
    this.approvals.take(record);
    if (isDelivered(record)) turn.deliveredSeq = record.seq;
    switch (kind) {
      case "step":
        this.#marked(Number(fields.n));
        return;
      case "steer":
        this.#steers.set(String(fields.steer_id), userInput(fields.user_input));
        return;
      case "steer_consumed":
        this.#consumed(String(fields.steer_id));
        return;
      case "cancel":
        turn.cancelled = true;
        return;
      case "hook":
        this.#hookAsked(String(fields.event), String(fields.batch_id));
        break;
      case "hook_decided":
        decideHook(turn.promptHook, fields);
        if (decideHook(turn.stopHook, fields) === "block") this.#beginAnew();
        break;
      case "notice":
        if (fields.code === "flow") turn.flow = flowPosition(fields.data);
        break;
      case "rotate":
        turn.hasContext = true;
        break;
      case "context":
        turn.hasContext ||= holdsMessage(fields.lines);
        if (turn.inner !== null) turn.inner.said ||= holdsMessage(fields.lines);
        if (turn.stopHook?.verdict?.action === "block") turn.stopHook.said ||= holdsMessage(fields.lines);
        if (typeof fields.steer_id === "string") this.#consumed(fields.steer_id);
        break;
      case "event":
        if (this.#takeBracket(String(fields.type), asObject(fields.payload) ?? {})) return;
    }
    this.#step?.take(record);
  }

  /** True when the event is one of the turn's brackets and nothing else. */
  #takeBracket(type: string, payload: Record<string, unknown>): boolean {
    const turn = this.#turn;
    switch (type) {
      case "TurnBegin":
        this.#openTurns += 1;
        if (turn.begun && turn.flow) turn.flow.begun = true;
        if (turn.begun) turn.inner = { userInput: userInput(payload.user_input), said: false };
        this.#beginAnew();
        turn.begun = true;
        return true;
      case "TurnEnd":
        this.#openTurns -= 1;
        return true;
      case "SteerInput":
        turn.unshownSteers.shift();
        return true;
      case "CompactionBegin":
      case "MCPLoadingBegin":
        turn.openBrackets.unshift(type.replace("Begin", "End"));
        return true;
      case "CompactionEnd":
      case "MCPLoadingEnd":
        turn.openBrackets = turn.openBrackets.filter((bracket) => bracket !== type);
        return true;
      case "StepBegin":
        this.#nextStep(new StepReader(Number(payload.n), false));
        return true;
      default:
        // The record of its begin may be damaged; what the model had said is kept all the same.
        if (this.#step === null && streamPart(type, payload) !== null && !isSlashCommand(turn.userInput)) {
          this.#step = new StepReader(1, false);
        }
        return false;
    }
  }

  #hookAsked(event: string, batchId: string): void {
    if (event === "UserPromptSubmit") this.#turn.promptHook = { batchId, verdict: null };
    if (event === "Stop") this.#turn.stopHook = { batchId, verdict: null, said: false };
  }

  /** Rounds of their own follow, such as a turn inside the turn: with their own steps and repetitions. */
  #beginAnew(): void {
    this.#step = null;
    this.#turn.earlierCalls = [];
  }

  #consumed(steerId: string): void {
    const input = this.#steers.get(steerId);
    if (input === undefined) return;
    this.#steers.delete(steerId);
    this.#turn.unshownSteers.push(input);
    this.#step?.steered();
  }

  #marked(n: number): void {
    if (this.#step?.mark(n) !== true) this.#nextStep(new StepReader(n, true));
  }

  #nextStep(next: StepReader): void {
    const before = this.#step?.position();
    if (before !== undefined && !before.interrupted) this.#turn.earlierCalls.push(finishedCalls(before));
    this.#step = next;
  }
}

/** Those that were counted: a call without a result was not. */
function finishedCalls({ toolCalls, calls }: StepPosition): TurnPosition["earlierCalls"][number] {
  return toolCalls
    .filter(({ id }) => (calls.get(id)?.result ?? null) !== null)
    .map(({ function: { name, arguments: text } }) => ({ name, arguments: text }));
}

function flowPosition(data: unknown): FlowPosition | null {
  const { node, moves } = asObject(data) ?? {};
  return typeof node === "string" && typeof moves === "number" ? { node, moves, begun: false } : null;
}

function holdsMessage(lines: unknown): boolean {
  return (Array.isArray(lines) ? lines : []).some((line) => {
    const entry = fromContextRecord(asObject(line) ?? {});
    if (entry?.kind !== "message") return false;
    const [part] = entry.message.content;
    return entry.message.role !== "user" || part?.type !== "text" || !CHECKPOINT_NOTE.test(part.text);
  });
}

function userInput(value: unknown): TurnPosition["userInput"] {
  return typeof value === "string" ? value : contentParts(value);
}
