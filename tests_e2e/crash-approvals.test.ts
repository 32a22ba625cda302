/** Approvals of a turn that outlives its kernel, over the real wire: each that was asked is seen to end, once. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { marks, startFailing } from "./crash/failpoint-kernel.js";
import { say, script, shell } from "./echo-scripts.js";
import { startKernel } from "./kernel-process.js";
import { resultOf } from "./subagents.js";
import { payloads, text } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const EXTENSIONS = { capabilities: { extensions: ["seq/1", "resume/1"] } };
const WAIT_MS = 9_000;

const effectsOf = ({ workDir }: Workspace) => {
  const path = join(workDir, "effects");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};

/** A kernel that dies at this point of the approval of its one call; the client says yes when asked. */
async function dying(point: string) {
  const workspace = createWorkspace({ scripts: [script(say("a"), shell("t1", "echo done >> effects")), say("z")] });
  const { kernel, session, marker } = startFailing(workspace, `${point}:kill`);
  await kernel.initialize(EXTENSIONS);
  kernel.request("prompt", { user_input: "go" });
  const asked = await kernel.serverRequest("ApprovalRequest");
  const id = String(asked.id);
  kernel.approve(asked);
  expect(await kernel.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
  expect(marks(marker)).toHaveLength(1);
  expect(payloads(kernel.log, "ApprovalResponse")).toEqual([]);
  setScripts(workspace, [say("z")]);
  const next = startKernel(workspace, { args: ["--session", session] });
  const { result } = await next.initialize(EXTENSIONS);
  const turn_id = (result?.open_turn as { turn_id?: string } | undefined)?.turn_id;
  return { workspace, next, id, turn_id };
}

it("E-301 an answer that was the last thing its kernel recorded holds, and the client is told so once", async () => {
  const { workspace, next, id, turn_id } = await dying("approval_answered");
  expect((await next.call("resume", { turn_id }, WAIT_MS)).result).toEqual({ status: "finished" });
  expect(payloads(next.log, "ApprovalRequest")).toEqual([]);
  expect(payloads(next.log, "ApprovalResponse")).toEqual([{ request_id: id, response: "approve", feedback: "" }]);
  expect([effectsOf(workspace), text(next.log)]).toEqual(["done\n", "z"]);
  await next.close();
});

it("E-302 a turn that is settled while an approval is open ends that with a no", async () => {
  const { workspace, next, id, turn_id } = await dying("approval_asked");
  const settled = await next.call("resume", { turn_id, action: "settle" }, WAIT_MS);
  expect(settled.error).toBeDefined();
  expect(payloads(next.log, "ApprovalResponse")).toEqual([{ request_id: id, response: "reject", feedback: "" }]);
  expect(resultOf(next.log, "t1")).toMatchObject({ is_error: true, extras: { code: "interrupted" } });
  expect(effectsOf(workspace)).toBe("");
  await next.close();
});
