/** Runs a flow as turns inside the turn, and goes on with one whose kernel died. */
import type { ContentPart } from "../messages.js";
import type { TurnPosition } from "../storage/turn-position.js";
import type { Recorder } from "../turn/recorder.js";
import type { TurnDeps, TurnResult } from "../turn/turn.js";
import type { Flow } from "./flow.js";
import { innerTurn } from "./inner-turn.js";
import { runFlow } from "./run-flow.js";

export interface FlowTurns {
  flow: Flow;
  /** What the user wrote behind the command. */
  request: string;
  maxMoves?: number;
  /** Goes behind the first input without being shown. */
  tail: readonly ContentPart[];
  /** Fresh for each inner turn. Throws llm_not_set. */
  turnDeps: () => Promise<TurnDeps>;
  /** Where the turn stood in an earlier process. */
  earlier: TurnPosition | null;
  recorder: Recorder;
  signal: AbortSignal;
}

const LOST = "The kernel was restarted, and the place in the flow is not known any more. The flow ends here.";

/** Throws as runFlow does. A flow that changed meanwhile ends when its open inner turn does; the user is told. */
export async function runFlowTurns(run: FlowTurns): Promise<TurnResult> {
  const { flow, turnDeps, signal, tail } = run;
  const place = run.earlier?.flow ?? null;
  const begun = run.earlier !== null && (place?.begun === true || run.earlier.openInnerTurns > 0);
  let earlier = begun ? run.earlier : null;
  if (run.earlier?.hasContext === true && (place === null || !flow.nodes.has(place.node))) {
    return await endFlow(run, run.earlier);
  }
  const unsaid = [...tail];
  return await runFlow({
    ...run,
    from: place,
    onMove: (node, moves) => run.recorder.note({ kind: "notice", code: "flow", data: { node, moves } }, false),
    turn: async (input) => {
      const known = earlier;
      earlier = null;
      return await innerTurn({ input, tail: unsaid.splice(0), earlier: known }, await turnDeps(), signal);
    },
  });
}

async function endFlow({ turnDeps, recorder, signal }: FlowTurns, earlier: TurnPosition): Promise<TurnResult> {
  const inner = await innerTurn({ input: earlier.userInput, tail: [], earlier }, await turnDeps(), signal);
  recorder.event("ContentPart", { type: "text", text: LOST });
  return inner.result;
}
