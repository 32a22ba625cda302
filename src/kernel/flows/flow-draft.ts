/** What a parser found, and the check that makes a flow of it. */
import { type Flow, type FlowEdge, FlowError, type FlowNode } from "./flow.js";

export class FlowDraft {
  readonly #labels = new Map<string, string | null>();
  readonly #edges: { from: string; to: string; label: string | null }[] = [];

  /** Names a node; `label` null leaves the one it has, which is its id when it never gets one. */
  node(id: string, label: string | null): void {
    this.#labels.set(id, label ?? this.#labels.get(id) ?? null);
  }

  edge(from: string, to: string, label: string | null): void {
    this.node(from, null);
    this.node(to, null);
    this.#edges.push({ from, to, label });
  }

  /** Throws FlowError unless there is one BEGIN, one END, a way between them and a distinct label on each choice. */
  check(): Flow {
    const nodes = new Map<string, FlowNode>();
    for (const [id, label] of this.#labels) nodes.set(id, { label: label ?? id, edges: this.#edgesFrom(id) });
    const begin = only(nodes, "BEGIN");
    const end = only(nodes, "END");
    const reached = reachableFrom(begin, nodes);
    if (!reached.has(end)) throw new FlowError("no way leads from BEGIN to END");
    const starts = nodes.get(begin)?.edges.length ?? 0;
    if (starts !== 1) throw new FlowError(`BEGIN has ${starts} outgoing arrows, it must have one`);
    for (const id of reached) if (id !== end) checkChoices(id, nodes.get(id)?.edges ?? []);
    return { begin, end, nodes };
  }

  #edgesFrom(id: string): FlowEdge[] {
    return this.#edges.filter((edge) => edge.from === id).map(({ to, label }) => ({ to, label }));
  }
}

function only(nodes: ReadonlyMap<string, FlowNode>, name: "BEGIN" | "END"): string {
  const found = [...nodes].filter(([, { label }]) => typeof label === "string" && label.toUpperCase() === name);
  const [first] = found;
  if (first === undefined) throw new FlowError(`it has no ${name} node`);
  if (found.length > 1) throw new FlowError(`it has ${found.length} ${name} nodes`);
  return first[0];
}

function reachableFrom(begin: string, nodes: ReadonlyMap<string, FlowNode>): Set<string> {
  const seen = new Set([begin]);
  for (const id of seen) for (const { to } of nodes.get(id)?.edges ?? []) seen.add(to);
  return seen;
}

function checkChoices(id: string, edges: readonly FlowEdge[]): void {
  if (edges.length < 2) return;
  const labels = edges.map((edge) => edge.label ?? "");
  if (labels.includes("")) throw new FlowError(`node ${id} has several outgoing arrows and one of them has no label`);
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) throw new FlowError(`node ${id} has two arrows with the label "${twice}"`);
}
