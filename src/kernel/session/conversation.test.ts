import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Logger } from "../logger.js";
import { shimmedOperations } from "../storage/testing/shimmed-operations.js";
import { callPart, FakeProvider, failing, providerError, reply, stuck, usage } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { turnFixtures } from "../testing/turn-fixture.js";

const fixtures = turnFixtures();
const says = (text: string) => ({ type: "text" as const, text });
const title = (fixture: ReturnType<typeof fixtures.session>) => fixture.log.state.data.custom_title;

describe("slash commands", () => {
  test("without a model: /clear, /yolo and unknown ones work, /compact and /init say what is missing", async () => {
    const { session, sink } = fixtures.session({ createProvider: null });
    for (const input of ["/clear", "/reset", "/yolo", "/yolo", "/nope x", "/compact"]) {
      expect(await session.prompt(input, null)).toEqual({ status: "finished" });
    }
    expect(sink.payloads("ContentPart")).toEqual([
      says("The context has been cleared."),
      says("The context has been cleared."),
      says("You only live once! All actions will be auto-approved."),
      says("You only die once! Actions will require approval."),
      says('Unknown slash command "/nope".'),
      says("The context is empty."),
    ]);
    expect(sink.types()).not.toContain("StepBegin");
    await expect(session.prompt("/init", null)).rejects.toMatchObject({ code: "llm_not_set" });
  });

  test.each([
    ["a command", "/clear", "The context has been cleared."],
    ["text parts are joined", [says("/nope"), says("x")], 'Unknown slash command "/nope".'],
    ["media do not hide it", [image(), says(" /clear ")], "The context has been cleared."],
    ["a path is a prompt", "/path/like/this", "model"],
    ["not at the beginning", "hello /clear", "model"],
    ["a blank after the slash", "/ clear", "model"],
  ])("%s", async (_name, input, answer) => {
    const { session, provider, sink } = fixtures.session({ provider: new FakeProvider(reply(["model"])) });
    provider.capabilities.add("image_in");
    await session.prompt(input, null);
    expect(sink.payloads("ContentPart")).toEqual([says(answer)]);
  });

  test("/clear: the text, then a status with zeros; the file holds the system text alone", async () => {
    const { session, sink, contextRoles, provider } = fixtures.session({ provider: new FakeProvider(reply(["hi"])) });
    await session.prompt("x", null);
    sink.sent.length = 0;
    await session.prompt("/clear", null);
    expect(sink.types()).toEqual(["TurnBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(sink.payloads("StatusUpdate")).toMatchObject([{ context_usage: 0, context_tokens: 0, plan_mode: null }]);
    expect(contextRoles()).toEqual(["_system_prompt"]);
    provider.script(reply(["fresh"]));
    await session.prompt("y", null);
    expect(provider.requests.at(-1)?.messages).toHaveLength(1);
  });

  test("/compact: the bracket, the text, a status with the estimate", async () => {
    const { session, sink, provider } = fixtures.session({ provider: new FakeProvider(reply(["hello"])) });
    await session.prompt("hi", null);
    sink.sent.length = 0;
    await session.prompt("/compact", null);
    expect(sink.types()).toEqual([
      ...["TurnBegin", "CompactionBegin", "CompactionEnd", "ContentPart", "StatusUpdate", "TurnEnd"],
    ]);
    expect(sink.payloads("ContentPart")).toEqual([says("The context has been compacted.")]);
    expect(sink.payloads("StatusUpdate")).toMatchObject([{ context_tokens: 1, token_usage: null, plan_mode: null }]);
    expect(provider.requests).toHaveLength(1);
  });

  test("/compact that fails: the bracket is closed, TurnEnd, the error", async () => {
    const { session, sink, provider } = fixtures.session({ provider: new FakeProvider(reply(["a"]), reply(["b"])) });
    await session.prompt("one", null);
    await session.prompt("two", null);
    sink.sent.length = 0;
    provider.script(failing(providerError("nope", { retryable: false })));
    await expect(session.prompt("/compact keep x", null)).rejects.toThrow("nope");
    expect(sink.types()).toEqual(["TurnBegin", "CompactionBegin", "CompactionEnd", "TurnEnd"]);
    provider.script(reply(["c"]));
    await session.prompt("three", null);
    expect(provider.requests.at(-1)?.messages).toHaveLength(5);
  });

  test("/yolo is stored and lasts", async () => {
    const ask = fakeTool("act", { ask: true });
    const first = fixtures.session({
      tools: [ask],
      provider: new FakeProvider(reply([callPart("t", "act")]), reply(["ok"])),
    });
    await first.session.prompt("/yolo", null);
    await first.session.prompt("x", null);
    expect(first.sink.types()).not.toContain("request:ApprovalRequest");
    expect(first.sink.types()).not.toContain("ApprovalResponse");
    expect(first.log.state.data.approval.yolo).toBe(true);
  });

  test("/init: no nested turn; the conversation learns only the outcome", async () => {
    const fixture = fixtures.session({ provider: new FakeProvider(reply(["wrote it"]), reply(["ok"])) });
    const { session, sink, provider, contextRoles, workDir } = fixture;
    writeFileSync(join(workDir, "AGENTS.md"), "# rules");
    await session.prompt("/init", null);
    expect(sink.types()).toEqual(["TurnBegin", "StepBegin", "ContentPart", "StatusUpdate", "TurnEnd"]);
    expect(contextRoles()).toEqual(["_system_prompt", "user"]);
    await session.prompt("x", null);
    expect(provider.requests[0]?.messages).toHaveLength(1);
    expect(provider.requests[1]?.messages).toHaveLength(2);
    expect(JSON.stringify(provider.requests[1]?.messages[0])).toContain("# rules");
    expect(title(fixture)).toBe("x");
  });

  test("/init can be cancelled and leaves no trace then", async () => {
    const { session, sink, contextRoles } = fixtures.session({ provider: new FakeProvider(stuck(["a"])) });
    const turn = session.prompt("/init", null);
    await sink.seen("ContentPart");
    void session.cancel(null);
    expect(await turn).toEqual({ status: "cancelled" });
    expect(contextRoles()).toEqual(["_system_prompt"]);
  });
});

describe("the title", () => {
  test("is the first ordinary prompt that ended normally", async () => {
    const fixture = fixtures.session({
      provider: new FakeProvider(failing(new Error("boom")), reply(["a"]), reply(["b"])),
    });
    const { session } = fixture;
    await session.prompt("/clear", null);
    await session.prompt("failed", null).catch(() => {});
    expect(title(fixture)).toBeNull();
    await session.prompt("  Fix   the\nbug ", null);
    expect(title(fixture)).toBe("Fix the bug");
    await session.prompt("more", null);
    expect(title(fixture)).toBe("Fix the bug");
  });

  test("is not made of nothing", async () => {
    const fixture = fixtures.session({ provider: new FakeProvider(reply(["a"]), reply(["b"])) });
    await fixture.session.prompt([], null);
    expect(title(fixture)).toBeNull();
    await fixture.session.prompt("words", null);
    expect(title(fixture)).toBe("words");
  });

  test("that cannot be stored costs a line in the log, not the turn", async () => {
    const ops = shimmedOperations(({ name, file }) =>
      name === "open" && file.startsWith("state.json") ? { errno: "EACCES" } : null,
    );
    const warnings: string[] = [];
    const logger: Logger = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (_f, message) => void warnings.push(message),
    };
    const fixture = fixtures.session({ ops, logger, provider: new FakeProvider(reply(["a"])) });
    expect(await fixture.session.prompt("x", null)).toEqual({ status: "finished" });
    expect(warnings).toEqual(["the session's title could not be stored"]);
  });
});

describe("the prefix", () => {
  const notices = (fixture: ReturnType<typeof fixtures.session>) =>
    fixture.journal().filter(({ kind }) => kind === "notice");

  test("is frozen by the first turn and the same in every request", async () => {
    const fixture = fixtures.session({
      tools: [fakeTool("a")],
      provider: new FakeProvider(reply(["1"]), reply(["2"])),
    });
    await fixture.session.prompt("x", null);
    await fixture.session.prompt("y", null);
    const [first, second] = fixture.provider.requests;
    expect([second?.systemPrompt, second?.tools]).toEqual([first?.systemPrompt, first?.tools]);
    expect(second?.messages.slice(0, 1)).toEqual(first?.messages);
    expect(notices(fixture)).toEqual([]);
    expect(fixture.log.load().prefix?.tools).toEqual(["a"]);
  });

  test("the system text of a session stays, whatever a new kernel would say", async () => {
    const first = fixtures.session({ systemPrompt: "FIRST", provider: new FakeProvider(reply(["1"])) });
    await first.session.prompt("x", null);
    await first.session.close({ clean: true, graceMs: 100 });
    const second = fixtures.session({
      share: first.share,
      systemPrompt: "SECOND",
      provider: new FakeProvider(reply(["2"])),
    });
    await second.session.prompt("y", null);
    expect(second.provider.requests[0]).toMatchObject({ systemPrompt: "FIRST" });
    expect(second.provider.requests[0]?.messages).toHaveLength(3);
    expect(notices(second)).toEqual([]);
  });

  test("other tools are recorded, once", async () => {
    const first = fixtures.session({ tools: [fakeTool("a")], provider: new FakeProvider(reply(["1"])) });
    await first.session.prompt("x", null);
    await first.session.close({ clean: true, graceMs: 100 });
    const second = fixtures.session({
      share: first.share,
      tools: [fakeTool("a"), fakeTool("b")],
      provider: new FakeProvider(reply(["2"]), reply(["3"])),
    });
    await second.session.prompt("y", null);
    expect(notices(second)).toMatchObject([{ code: "prefix_changed", data: { what: "listed tools" } }]);
    await second.session.prompt("z", null);
    expect(notices(second)).toEqual([]);
    expect(second.log.load().prefix?.tools).toEqual(["a", "b"]);
  });
});

describe("the system text", () => {
  test("is the first line even when the disk was full at the first try", async () => {
    let writes = 0;
    const ops = shimmedOperations(({ name, file }) => {
      if (name === "write" && file === "S1.jsonl") writes += 1;
      // The first write says who owns the journal; the second is the first line of the context.
      return name === "write" && writes === 2 ? { errno: "ENOSPC" } : null;
    });
    const { session, log, contextRoles } = fixtures.session({ ops, provider: new FakeProvider(reply(["a"])) });
    await expect(session.prompt("x", null)).rejects.toMatchObject({ code: "storage_full" });
    expect(log.held).toBe(true);
    expect(await session.prompt("y", null)).toEqual({ status: "finished" });
    expect(contextRoles()).toEqual(["_system_prompt", "_checkpoint", "user", "_checkpoint", "assistant"]);
  });
});

test("warm-up builds the driver and never throws", async () => {
  let builds = 0;
  const provider = new FakeProvider(reply(["a"]));
  const { conversation, session } = fixtures.session({
    createProvider: async () => {
      builds += 1;
      return provider;
    },
  });
  await conversation.warmUp();
  expect(builds).toBe(1);
  await session.prompt("x", null);
  expect(builds).toBe(1);
  const broken = fixtures.session({ createProvider: () => Promise.reject(new Error("no SDK")) });
  await broken.conversation.warmUp();
  await fixtures.session({ createProvider: null }).conversation.warmUp();
});

test("a resumed conversation counts from where it was", async () => {
  const first = fixtures.session({ provider: new FakeProvider(reply(["1"], { usage: usage(90, 5) })) });
  await first.session.prompt("x", null);
  await first.session.close({ clean: true, graceMs: 100 });
  const provider = new FakeProvider(reply(["summary"]), reply(["2"]));
  provider.maxContextSize = 100;
  const second = fixtures.session({ share: first.share, provider });
  await second.session.prompt("y", null);
  expect(second.sink.types()).toContain("CompactionBegin");
});

function image() {
  return { type: "image_url", image_url: { url: "data:,x" } } as const;
}
