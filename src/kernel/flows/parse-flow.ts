/** The flow of a skill: the first mermaid or d2 block of its text. */
import { readD2 } from "./d2.js";
import { type Flow, FlowError } from "./flow.js";
import { readMermaid } from "./mermaid.js";

const BLOCK = /^[ \t]*(`{3,}|~{3,})[ \t]*(mermaid|d2)[ \t]*\r?\n([\s\S]*?)^[ \t]*\1[ \t]*$/m;

/** Throws FlowError when there is none or it cannot run. */
export function parseFlow(text: string): Flow {
  const block = BLOCK.exec(text.replace(/\r\n/g, "\n"));
  if (block === null) throw new FlowError("it has no mermaid or d2 block");
  const source = block[3] ?? "";
  return (block[2] === "mermaid" ? readMermaid(source) : readD2(source)).check();
}
