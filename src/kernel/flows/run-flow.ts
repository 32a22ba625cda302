/** Walks a flow: one turn inside the turn for each node, the model's choice at each fork. */
import type { ContentPart } from "../messages.js";
import type { TurnResult } from "../turn/turn.js";
import type { Flow, FlowEdge, FlowNode } from "./flow.js";

/** Moves from node to node before a flow counts as endless. */
const MAX_MOVES = 1000;
/** Answers without a valid choice at one fork before the model counts as unable to choose. */
const MAX_ANSWERS = 1000;

/** What one turn inside the turn came to. */
export interface InnerTurn {
  result: TurnResult;
  steps: number;
  /** Text of the last reply; null when the turn ended with something else, a rejected call for one. */
  reply: string | null;
}

export interface FlowRun {
  flow: Flow;
  /** What the user wrote behind the command: told to the first node. */
  request: string;
  /** Default: 1000. */
  maxMoves?: number;
  /** A node of the flow to begin with, and how many are behind it; else the first. */
  from?: { node: string; moves: number } | null;
  /** Told of each node before its turn; not of the one that `from` names. */
  onMove?: (node: string, moves: number) => void;
  /** Runs a turn inside the turn. Throws as a turn does. */
  turn: (input: string | ContentPart[]) => Promise<InnerTurn>;
}

/** Runs until END, a rejection, a limit or an error, which it throws on. */
export async function runFlow(run: FlowRun): Promise<TurnResult> {
  const { flow, request, maxMoves = MAX_MOVES, turn, from = null } = run;
  let steps = 0;
  let wish = from === null || from.moves === 0 ? request : "";
  let at = from?.node ?? flow.nodes.get(flow.begin)?.edges[0]?.to ?? flow.end;
  for (let moves = from?.moves ?? 0; at !== flow.end; moves += 1) {
    const node = flow.nodes.get(at);
    if (node === undefined) return { status: "finished" };
    if (moves >= maxMoves) return { status: "max_steps_reached", steps };
    if (from === null || moves > from.moves) run.onMove?.(at, moves);
    const prompt = nodePrompt(node, wish);
    wish = "";
    let next: FlowEdge | null = null;
    for (let answers = 0; next === null; answers += 1) {
      if (answers >= MAX_ANSWERS) return { status: "max_steps_reached", steps };
      const done = await turn(answers === 0 ? prompt : withText(prompt, CORRECTION));
      steps += done.steps;
      if (done.result.status !== "finished" || done.reply === null) return done.result;
      // A node without an arrow is an end that nobody drew.
      if (node.edges.length === 0) return { status: "finished" };
      next = chosenEdge(node.edges, done.reply);
    }
    at = next.to;
  }
  return { status: "finished" };
}

const CORRECTION =
  "\n\nYour last reply had no valid choice. Reply with one of the branches, spelled exactly, using <choice>...</choice>.";

/** The only edge, or the one that the last choice in the reply names; null when it names none. */
export function chosenEdge(edges: readonly FlowEdge[], reply: string): FlowEdge | null {
  if (edges.length === 1) return edges[0] ?? null;
  const choice = [...reply.matchAll(/<choice>([^<]*)<\/choice>/g)].at(-1)?.[1]?.trim();
  return edges.find((edge) => edge.label === choice) ?? null;
}

function nodePrompt(node: FlowNode, request: string): string | ContentPart[] {
  const label = typeof node.label === "string" ? node.label : [...node.label];
  const asked = request === "" ? label : withText(label, `\n\nUser request:\n${request}`);
  if (node.edges.length < 2) return asked;
  const branches = node.edges.map((edge) => `- ${edge.label}`).join("\n");
  return withText(asked, `\n\nAvailable branches:\n${branches}\n\nReply with a choice using <choice>...</choice>.`);
}

function withText(label: string | ContentPart[], text: string): string | ContentPart[] {
  return typeof label === "string" ? label + text : [...label, { type: "text", text }];
}
