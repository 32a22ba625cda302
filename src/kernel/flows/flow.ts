/** A flow: prompts connected by arrows. At a node with several arrows the model chooses one by its label. */
import type { ContentPart } from "../messages.js";

export interface FlowEdge {
  to: string;
  /** null when the arrow has none, which only a single arrow may. */
  label: string | null;
}

export interface FlowNode {
  /** What the model is asked. */
  label: string | readonly ContentPart[];
  edges: readonly FlowEdge[];
}

export interface Flow {
  begin: string;
  end: string;
  nodes: ReadonlyMap<string, FlowNode>;
}

/** What is wrong with a flow, as the end of a sentence. */
export class FlowError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "FlowError";
  }
}
