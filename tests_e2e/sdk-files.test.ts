/** What the Node SDK reads from the share folder without a kernel, replay, and what it sees when the kernel dies. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamEvent } from "@moonshot-ai/kimi-agent-sdk";
import { afterAll, describe, expect, it } from "vitest";
import { say, script, shell } from "./echo-scripts.js";
import { childWithArgument, isAlive, until } from "./process-scan.js";
import type { Workspace } from "./workspace.js";

// The SDK takes its share folder for files from the environment, once, when it is loaded.
const root = realpathSync(mkdtempSync(join(tmpdir(), "kernel-sdk-")));
process.env.KIMI_SHARE_DIR = join(root, "share");
mkdirSync(process.env.KIMI_SHARE_DIR);
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

const sdk = await import("@moonshot-ai/kimi-agent-sdk");
const { eventPayloads, eventTypes, readTurn, sdkEnvironment, sdkWorkspace, startClient, startSession } = await import(
  "./sdk-session.js"
);

/** A work dir of its own in the share folder of this file. */
function sharedWorkspace(scripts: readonly string[]): Workspace {
  return sdkWorkspace({ scripts, share: join(root, "share") });
}

describe("files", () => {
  it("N-031 sessions are listed, the newest first, with the first prompt as their name", async () => {
    const workspace = sharedWorkspace([say("hi"), say("ho")]);
    const { workDir } = workspace;
    expect(sdk.KimiPaths.home).toBe(workspace.share);
    expect(await sdk.listSessions(workDir)).toEqual([]);
    const ids: string[] = [];
    for (const text of ["first words", "other words"]) {
      const session = startSession(workspace);
      await readTurn(session.prompt(text));
      await session.close();
      ids.unshift(session.sessionId);
    }
    const listed = await sdk.listSessions(workDir);
    expect(listed.map(({ id, brief }) => [id, brief])).toEqual([
      [ids[0], "other words"],
      [ids[1], "first words"],
    ]);
    expect(listed[0]).toMatchObject({ workDir, updatedAt: expect.any(Number) });
    expect(sdk.getRegisteredWorkDirs(workDir)).toEqual([workDir]);
    expect((await sdk.listSessionsForWorkspace(workDir)).map(({ id }) => id)).toEqual(ids);
  });

  it("N-032 a session without a prompt is not listed", async () => {
    const workspace = sharedWorkspace([]);
    const client = await startClient(workspace);
    await client.stop();
    expect(await sdk.listSessions(workspace.workDir)).toEqual([]);
  });

  it("N-033 the history of a session is what was streamed, merged", async () => {
    const scripts = [script(say("a"), say("b"), shell("t1", "true")), say("done")];
    const workspace = sharedWorkspace(scripts);
    const session = startSession(workspace, { yoloMode: true });
    const { events } = await readTurn(session.prompt("go"));
    await session.close();
    const history = await sdk.parseSessionEvents(workspace.workDir, session.sessionId);
    expect(sdk.collectText(history)).toBe("abdone");
    expect(eventTypes(history)).toEqual(withoutRepeats(eventTypes(events)));
  });

  it("N-034 a fork holds the turns up to its point, and a kernel goes on from there", async () => {
    const workspace = sharedWorkspace([say("one"), say("two")]);
    const { workDir } = workspace;
    const session = startSession(workspace);
    await readTurn(session.prompt("a"));
    await readTurn(session.prompt("b"));
    await session.close();
    const { sessionId } = await sdk.forkSession({ workDir, sourceSessionId: session.sessionId, turnIndex: 0 });
    expect(sdk.collectText(await sdk.parseSessionEvents(workDir, sessionId))).toBe("one");
    const fork = startSession(workspace, { sessionId });
    expect((await readTurn(fork.prompt("c"))).result.status).toBe("finished");
    await fork.close();
    const history = await sdk.parseSessionEvents(workDir, sessionId);
    expect(eventPayloads(history, "TurnBegin").map(({ user_input }) => user_input)).toEqual(["a", "c"]);
  });

  it("N-035 a session that the SDK deletes is gone", async () => {
    const workspace = sharedWorkspace([say("hi")]);
    const session = startSession(workspace);
    await readTurn(session.prompt("a"));
    await session.close();
    expect(await sdk.deleteSession(workspace.workDir, session.sessionId)).toBe(true);
    expect(await sdk.listSessions(workspace.workDir)).toEqual([]);
  });
});

describe("replay", () => {
  it("N-041 a resumed session replays every event", async () => {
    const workspace = sharedWorkspace([say("one"), say("two")]);
    const session = startSession(workspace);
    await readTurn(session.prompt("a"));
    await readTurn(session.prompt("b"));
    await session.close();
    const client = await startClient(workspace, { sessionId: session.sessionId });
    const { events, result } = client.sendReplay();
    const seen: StreamEvent[] = [];
    for await (const event of events) seen.push(event);
    expect(await result).toEqual({ status: "finished", events: 10, requests: 0 });
    expect(eventTypes(seen)).toEqual(
      Array.from({ length: 2 }, () => ["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]).flat(),
    );
    expect(sdk.collectText(seen)).toBe("onetwo");
  });
});

describe("a kernel that dies", () => {
  /** Starts a turn that hangs in a tool. */
  function hangingTurn(workspace: Workspace) {
    const session = startSession(workspace, { yoloMode: true });
    const events: StreamEvent[] = [];
    const turn = session.prompt("go");
    const ended = readTurn(turn, (event) => events.push(event));
    ended.catch(() => {});
    return { session, events, ended };
  }

  it("N-051 SIGTERM in mid-turn: the pending prompt rejects, and the session goes on in a new process", async () => {
    const workspace = sharedWorkspace([script(say("before"), shell("t1", "sleep 30")), say("never")]);
    const { session, events, ended } = hangingTurn(workspace);
    await until("the tool call", () => eventTypes(events).includes("StatusUpdate"));
    process.kill(childWithArgument(session.sessionId), "SIGTERM");
    await expect(ended).rejects.toThrow(/told to stop|CLI exited with code 143/);
    const history = await sdk.parseSessionEvents(workspace.workDir, session.sessionId);
    expect(sdk.collectText(history)).toBe("before");
    expect(eventTypes(history).at(-1)).toBe("TurnEnd");
    const again = await readTurn(startSession(workspace, { sessionId: session.sessionId }).prompt("/clear"));
    expect(again.result.status).toBe("finished");
  });

  it("N-052 SIGKILL in mid-turn: what was streamed is in the session, which goes on in a new process", async () => {
    // The SDK's promise of this turn stays pending for ever (its exit code is null): a fault of the SDK, not tested.
    const workspace = sharedWorkspace([script(say("before"), shell("t1", "sleep 30"))]);
    const { session, events } = hangingTurn(workspace);
    await until("the tool call", () => eventTypes(events).includes("StatusUpdate"));
    const pid = childWithArgument(session.sessionId);
    process.kill(pid, "SIGKILL");
    await until("the end of the kernel", () => !isAlive(pid));
    const client = await startClient(workspace, { sessionId: session.sessionId });
    const replay = client.sendReplay();
    const seen: StreamEvent[] = [];
    for await (const event of replay.events) seen.push(event);
    expect(sdk.collectText(seen)).toBe("before");
    const next = client.sendPrompt("/clear");
    for await (const event of next.events) seen.push(event);
    expect((await next.result).status).toBe("finished");
  });

  it("N-053 a kernel that cannot start rejects the prompt with its reason", async () => {
    const workspace = sharedWorkspace([]);
    const env = sdkEnvironment(workspace, { KERNEL_WIRE_COMPAT: "0.1" });
    await expect(readTurn(startSession(workspace, { env }).prompt("hi"))).rejects.toMatchObject({
      code: "PROCESS_CRASHED",
      message: expect.stringMatching(/^CLI exited with code 2: Invalid value for KERNEL_WIRE_COMPAT/),
    });
  });

  it("N-054 closing the session in mid-turn ends the kernel and keeps what was streamed", async () => {
    const workspace = sharedWorkspace([script(say("before"), shell("t1", "sleep 30"))]);
    const { session, events, ended } = hangingTurn(workspace);
    await until("the tool call", () => eventTypes(events).includes("StatusUpdate"));
    const pid = childWithArgument(session.sessionId);
    await session.close();
    await ended.catch(() => {});
    await until("the end of the kernel", () => !isAlive(pid), 3_000);
    const history = await sdk.parseSessionEvents(workspace.workDir, session.sessionId);
    expect(sdk.collectText(history)).toBe("before");
  });
});

function withoutRepeats(types: readonly string[]): string[] {
  return types.filter((type, at) => type !== "ContentPart" || types[at - 1] !== type);
}
