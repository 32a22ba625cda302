import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memoryTransportPair } from "../wire/transport.js";
import { loadConfig } from "./config/load-config.js";
import { resolveModel } from "./config/resolve-model.js";
import { HookList } from "./hooks/hook-list.js";
import type { KernelRuntime } from "./kernel.js";
import { createRuntime } from "./kernel-runtime.js";
import { silentLogger } from "./logger.js";
import { SkillCatalog } from "./skills/skill-catalog.js";
import { RecordingSink } from "./testing/recording-sink.js";
import { lines } from "./testing/turn-fixture.js";
import { ClientRequestError } from "./turn/event-sink.js";

const WRITE =
  'tool_call: {"id":"t1","name":"WriteFile","arguments":"{\\"path\\":\\"a.txt\\",\\"content\\":\\"hi\\\\n\\"}"}';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kernel-runtime-"));
  mkdirSync(join(folder, "work"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const journal = () => lines(join(folder, "share", "journal", "S1.jsonl"));

/** A runtime whose model asks to write a file; its client is a fake. */
async function start(resumes: boolean) {
  const script = join(folder, "scripts.json");
  writeFileSync(script, JSON.stringify([WRITE, "text: done"]));
  const text = JSON.stringify({
    default_model: "m",
    models: { m: { provider: "p", model: "m", max_context_size: 100_000 } },
    providers: {
      p: { type: "_scripted_echo", base_url: "", api_key: "", env: { KERNEL_SCRIPTED_ECHO_SCRIPTS: script } },
    },
  });
  const config = loadConfig({ source: { kind: "text", text } });
  const model = resolveModel({ config, flags: { model: null, thinking: null }, env: {} });
  const workDir = join(folder, "work");
  const shareDir = join(folder, "share");
  const stop = new AbortController();
  const sink = new RecordingSink();
  const places = { workDir, homeDir: folder, shareDir, skillsDirs: [], extraDirs: [], mergeAll: false };
  const none = { addDirs: [], skillsDirs: [], mcpConfigs: [], mcpFileGiven: true, configFile: null };
  const runtime: KernelRuntime = await createRuntime(
    {
      ...{ transport: memoryTransportPair()[0], framing: "ndjson", wireCompat: null, config, model, agent: null },
      ...{
        env: { HOME: folder, PATH: "/usr/bin:/bin" },
        shareDir,
        logger: silentLogger,
        version: "0",
        signal: stop.signal,
      },
      flags: { ...none, workDir, session: "S1", continue: false, afk: false, askAlways: false, plan: false },
    },
    sink,
    new SkillCatalog(places),
    () => null,
    () => ({ question: false, planMode: false, extensions: new Set(resumes ? (["resume/1"] as const) : []) }),
    new HookList([], silentLogger),
  );
  return { ...runtime, sink, stop };
}

/** In the middle of a turn, with an approval open. */
async function asking(resumes: boolean) {
  const runtime = await start(resumes);
  const ended = runtime.session.prompt("write", resumes ? "p1" : null).then(
    (result) => result,
    (error: unknown) => error,
  );
  await runtime.sink.seen("ApprovalRequest");
  return { ...runtime, ended };
}

/** What the connection does when its client leaves. */
function leave({ sink }: { sink: RecordingSink }): void {
  for (const request of [...sink.open]) request.fail(new ClientRequestError("closed", "gone"));
}

describe("the client leaves in mid-turn", () => {
  test("with resume/1: the turn is parked as it was, nothing is answered, and there is something to resume", async () => {
    const first = await asking(true);
    const [records, sent] = [journal(), first.sink.sent.length];
    leave(first);
    await new Promise(setImmediate);
    expect(await first.close()).toEqual({ sessionId: "S1", turnInterrupted: true, resumable: true });
    expect(await first.ended).toMatchObject({ code: "kernel_stopped" });
    expect(journal()).toEqual(records);
    expect(first.sink.sent).toHaveLength(sent);
    const next = await start(true);
    expect(next.resume.openTurn()).toMatchObject({ clientId: "p1", seq: first.sink.sent.at(-1)?.seq });
    await next.close();
  });

  test("without it: the turn is cancelled and recorded", async () => {
    const first = await asking(false);
    leave(first);
    expect(await first.close()).toMatchObject({ turnInterrupted: true, resumable: true });
    expect(journal().filter(({ kind }) => kind === "turn_end")).toHaveLength(1);
    const next = await start(true);
    expect(next.resume.openTurn()).toBeNull();
    await next.close();
  });

  test("a signal ends the turn for good, with resume/1 too", async () => {
    const first = await asking(true);
    first.stop.abort();
    leave(first);
    await first.close();
    expect(await first.ended).toMatchObject({ code: "kernel_stopped" });
    expect(journal().filter(({ kind }) => kind === "turn_end")).toHaveLength(1);
  });
});
