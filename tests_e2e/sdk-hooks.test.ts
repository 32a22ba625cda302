/** Hooks that a client of the Node SDK has subscribed to. Its sessions do not offer them; its protocol client does. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HookRequest, StreamEvent } from "@moonshot-ai/kimi-agent-sdk";
import { expect, it } from "vitest";
import { say, shell } from "./echo-scripts.js";
import { eventPayloads, eventTypes, sdkWorkspace, startClient } from "./sdk-session.js";
import type { Workspace } from "./workspace.js";

const touch = () => [shell("t1", "echo a > a"), say("done")];

/** Runs one prompt with this hook on every Shell call; approvals are not asked for. */
async function turnWith(workspace: Workspace, handler: (request: HookRequest) => Promise<Verdict>) {
  const hooks = [{ id: "guard", event: "PreToolUse", matcher: "Shell", timeout: 5, handler }];
  const client = await startClient(workspace, { yoloMode: true, hooks });
  const stream = client.sendPrompt("go");
  const events: StreamEvent[] = [];
  for await (const event of stream.events) events.push(event);
  return { events, result: await stream.result };
}

interface Verdict {
  action: "allow" | "block";
  reason?: string;
}

it("N-061 a hook is asked before the tool runs, with what it is about, and allows it", async () => {
  const workspace = sdkWorkspace({ scripts: touch() });
  const asked: HookRequest[] = [];
  const { events, result } = await turnWith(workspace, async (request) => {
    asked.push(request);
    return { action: "allow" };
  });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({
    subscription_id: "guard",
    event: "PreToolUse",
    target: "Shell",
    input_data: { tool_name: "Shell", tool_input: { command: "echo a > a" }, tool_call_id: "t1" },
  });
  expect(eventPayloads(events, "HookTriggered")).toEqual([{ event: "PreToolUse", target: "Shell", hook_count: 1 }]);
  expect(eventPayloads(events, "HookResolved")[0]).toMatchObject({ action: "allow", reason: "" });
  expect(existsSync(join(workspace.workDir, "a"))).toBe(true);
  expect(result.status).toBe("finished");
});

it("N-062 a hook that blocks: the tool does not run, its reason is the result, the turn goes on", async () => {
  const workspace = sdkWorkspace({ scripts: touch() });
  const { events, result } = await turnWith(workspace, async () => ({ action: "block", reason: "not here" }));
  expect(eventPayloads(events, "HookResolved")[0]).toMatchObject({ action: "block", reason: "not here" });
  expect(eventPayloads(events, "ToolResult")[0]).toMatchObject({
    return_value: { is_error: true, message: "not here", display: [{ type: "brief", text: "Hook blocked" }] },
  });
  expect(existsSync(join(workspace.workDir, "a"))).toBe(false);
  expect(eventTypes(events)).not.toContain("error");
  expect(result.status).toBe("finished");
});

it("N-063 a hook whose handler throws lets the tool run", async () => {
  const workspace = sdkWorkspace({ scripts: touch() });
  const { result } = await turnWith(workspace, async () => {
    throw new Error("broken handler");
  });
  expect(existsSync(join(workspace.workDir, "a"))).toBe(true);
  expect(result.status).toBe("finished");
});
