/** The Ralph loop: the same prompt again and again until the model says that it is done (--max-ralph-iterations). */
import type { ContentPart } from "../messages.js";
import { inputParts, inputText } from "../turn/user-input.js";
import type { Flow } from "./flow.js";

const LOOP_NOTE =
  "(This prompt is repeated automatically. Choose STOP only when the task is complete in every part; it ends the repetition. When in doubt choose CONTINUE.)";

/** The prompt as a flow of two nodes: the task, then the task with a choice that leads back to itself or to the end. */
export function ralphFlow(input: string | readonly ContentPart[]): Flow {
  const again = `${inputText(input)}. ${LOOP_NOTE}`;
  return {
    begin: "BEGIN",
    end: "END",
    nodes: new Map([
      ["BEGIN", { label: "BEGIN", edges: [{ to: "R1", label: null }] }],
      ["R1", { label: inputParts(input), edges: [{ to: "R2", label: null }] }],
      [
        "R2",
        {
          label: again,
          edges: [
            { to: "R2", label: "CONTINUE" },
            { to: "END", label: "STOP" },
          ],
        },
      ],
      ["END", { label: "END", edges: [] }],
    ]),
  };
}

/** Moves that the configured number of iterations allows: the first round and each repetition; -1 is endless. */
export function ralphMoves(iterations: number): number {
  return iterations < 0 ? Number.POSITIVE_INFINITY : iterations + 1;
}
