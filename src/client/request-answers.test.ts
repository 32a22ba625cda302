import { expect, test } from "vitest";
import { RequestAnswers } from "./request-answers.js";
import type { Envelope, KernelRequest } from "./wire-client.js";

/** A host that never answers; what it was told of its requests. */
function silentHost() {
  const over: string[] = [];
  const answers = new RequestAnswers({
    handlers: {
      onApproval: ({ id }, { signal }) => {
        signal.addEventListener("abort", () => void over.push(id));
        return new Promise(() => {});
      },
    },
    tools: new Map(),
    hooks: new Map(),
  });
  const ask = (id: string, agent_id: string | null) => {
    const payload = { id, tool_call_id: "Shell:0", agent_id, action: "run", description: id, display: [] };
    void answers.answer({ type: "ApprovalRequest", payload } as unknown as KernelRequest, undefined);
  };
  const seen = (type: string, payload: object) => answers.seen({ type, payload } as unknown as Envelope);
  return { over, ask, seen };
}

test("a result closes the approval of its own call, not that of another agent's call with the same id", () => {
  const { over, ask, seen } = silentHost();
  ask("own", null);
  ask("first", "a1");
  ask("second", "a2");
  const result = { type: "ToolResult", payload: { tool_call_id: "Shell:0" } };
  seen("SubagentEvent", { agent_id: "a1", event: result });
  expect(over).toEqual(["first"]);
  seen(result.type, result.payload);
  expect(over).toEqual(["first", "own"]);
  seen("SubagentEvent", { agent_id: "a2", event: result });
  expect(over).toEqual(["first", "own", "second"]);
});
