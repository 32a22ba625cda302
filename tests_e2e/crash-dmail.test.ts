/** Agent okabe returns to a checkpoint and its kernel dies over that: the conversation goes back once, with the message. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { journalOf, marks, recordName, startFailing } from "./crash/failpoint-kernel.js";
import { call, say, script, shell } from "./echo-scripts.js";
import { startKernel } from "./kernel-process.js";
import { contextLines, sessionDir } from "./session-records.js";
import { payloads, text } from "./turn.js";
import { createWorkspace, setScripts, type Workspace } from "./workspace.js";

const EXTENSIONS = { capabilities: { extensions: ["seq/1", "resume/1"] } };
const OKABE = ["--agent", "okabe"];
const WAIT_MS = 9_000;
const STEER = "and be quick";

/** The first step looks around, the second one goes back to the checkpoint before that; its command needs an approval. */
const SCRIPTS = [
  script(say("look"), call("t1", "SetTodoList", { todos: [] })),
  script(call("t2", "SendDMail", { checkpoint_id: 1, message: "skip the log" }), shell("t3", "true")),
];

const notes = (workspace: Workspace) =>
  contextLines(workspace)
    .filter(({ role }) => role !== "_system_prompt" && role !== "_usage")
    .map(({ role, content, id }) => (role === "_checkpoint" ? id : `${role}: ${String(content)}`));
const rotated = (workspace: Workspace) => readdirSync(sessionDir(workspace)).filter((name) => /^context_\d/.test(name));

describe("a message to the past", () => {
  it.each([
    ["before the conversation is replaced", "step_stored#2:kill", false, "checkpoint"],
    ["behind that", "rotated:kill", false, "checkpoint"],
    ["behind that, with a steer waiting", "rotated:kill", true, "checkpoint"],
    ["behind a steer that followed", "event_recorded#11:kill", true, "SteerInput"],
    ["in the next step", "model_request#3:kill", false, "step"],
  ])(
    "F-530 killed %s, %s: it went back once, and the message stands there once",
    async (_name, plan, steered, last) => {
      const workspace = createWorkspace({ scripts: SCRIPTS });
      const { kernel, session, marker } = startFailing(workspace, plan, { args: OKABE });
      await kernel.initialize(EXTENSIONS);
      kernel.request("prompt", { user_input: "go", client_id: "p1" });
      const request = await kernel.serverRequest("ApprovalRequest");
      if (steered) await kernel.call("steer", { user_input: STEER, client_id: "s1" });
      kernel.approve(request);
      expect(await kernel.exit(WAIT_MS)).toMatchObject({ signal: "SIGKILL" });
      expect(marks(marker)).toHaveLength(1);
      expect(journalOf(workspace, session).map(recordName).at(-1)).toBe(last);
      setScripts(workspace, [say("done")]);
      const next = startKernel(workspace, { args: ["--session", session, ...OKABE] });
      const { result } = await next.initialize(EXTENSIONS);
      const turn_id = (result?.open_turn as { turn_id?: string } | undefined)?.turn_id;
      expect((await next.call("resume", { turn_id }, WAIT_MS)).result).toEqual({ status: "finished" });
      expect(text(next.log)).toBe("done");
      const steer = steered ? [`user: ${STEER}`] : [];
      expect(notes(workspace)).toEqual([
        ...[0, "user: <system>CHECKPOINT 0</system>", "user: go"],
        ...[1, "user: <system>CHECKPOINT 1</system>", expect.stringMatching(/^user: [\s\S]*skip the log$/)],
        ...[...steer, 2, "user: <system>CHECKPOINT 2</system>", "assistant: done"],
      ]);
      expect(rotated(workspace)).toEqual(["context_1.jsonl"]);
      const shown = payloads([...kernel.log, ...next.log], "SteerInput");
      expect(shown).toHaveLength(steered && !plan.startsWith("event_recorded") ? 1 : 0);
    },
  );
});
