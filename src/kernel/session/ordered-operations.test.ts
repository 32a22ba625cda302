/**
 * Write, then fsync, then act, then deliver: the order of everything that one turn with one approved call does to the
 * disk, to the client and to the world. The file operations are recorded below the real storage.
 */
import { beforeEach, expect, test } from "vitest";
import type { FileOperations } from "../storage/file-operations.js";
import { nodeFileOperations } from "../storage/file-operations.js";
import { callPart, FakeProvider, reply } from "../testing/fake-provider.js";
import { fakeTool } from "../testing/fake-tools.js";
import { approving, RecordingSink } from "../testing/recording-sink.js";
import { turnFixtures } from "../testing/turn-fixture.js";
import { toolOk } from "../tools/tool.js";

const fixtures = turnFixtures();
const JOURNAL = /\/journal\/S1\.jsonl$/;
const log: string[] = [];

beforeEach(() => {
  log.length = 0;
});

/** Records what the journal is given, by kind and type, and each fsync of it. */
function recordingOperations(): FileOperations {
  const journals = new Set<number>();
  return {
    ...nodeFileOperations,
    open: (path, flags, mode) => {
      const fd = nodeFileOperations.open(path, flags, mode);
      if (JOURNAL.test(path)) journals.add(fd);
      else journals.delete(fd);
      return fd;
    },
    write: (fd, bytes) => {
      const written = nodeFileOperations.write(fd, bytes);
      if (journals.has(fd)) for (const name of recordNames(bytes)) log.push(`write ${name}`);
      return written;
    },
    fsync: (fd) => {
      nodeFileOperations.fsync(fd);
      if (journals.has(fd)) log.push("fsync");
    },
  };
}

function recordNames(bytes: Uint8Array): string[] {
  const records = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
  return records.map((line) => {
    const { kind, type } = JSON.parse(line);
    return kind === "answer" || type === undefined ? kind : type;
  });
}

class LoggingSink extends RecordingSink {
  override deliver(...args: Parameters<RecordingSink["deliver"]>): void {
    for (const { type } of args[1]) log.push(`deliver ${type}`);
    super.deliver(...args);
  }

  override request(...args: Parameters<RecordingSink["request"]>): Promise<unknown> {
    log.push(`send ${args[1].type}`);
    return super.request(...args);
  }
}

async function wholeTurn(): Promise<void> {
  const sink = new LoggingSink();
  sink.onRequest = approving({ response: "approve" });
  const tool = fakeTool("act", {
    ask: true,
    effect: "write",
    run: () => {
      log.push("EFFECT");
      return toolOk("done");
    },
  });
  const { session } = fixtures.session({
    sink,
    tools: [tool],
    ops: recordingOperations(),
    provider: new FakeProvider(reply(["a", callPart("t1", "act")]), reply(["b"])),
  });
  await session.prompt("go", null);
  log.push("RESPONSE");
}

test("the whole turn", async () => {
  await wholeTurn();
  const begin = log.indexOf("write turn");
  expect(log.slice(begin)).toEqual([
    ...["write turn", "write TurnBegin", "deliver TurnBegin"],
    ...["write prefix", "write context"],
    ...["write StepBegin", "deliver StepBegin", "write context", "write step"],
    ...["write ContentPart", "deliver ContentPart", "write ToolCall", "deliver ToolCall"],
    ...["write stream_end", "write StatusUpdate", "deliver StatusUpdate"],
    ...["write ApprovalRequest", "send ApprovalRequest"],
    ...["write answer", "fsync", "write ApprovalResponse", "deliver ApprovalResponse"],
    ...["write intent", "fsync", "EFFECT", "write ToolResult", "fsync", "deliver ToolResult"],
    // The published files take the step; the journal is safe before they are written.
    ...["write step_end", "write context", "fsync", "write checkpoint"],
    ...["write StepBegin", "deliver StepBegin", "write context", "write step"],
    ...["write ContentPart", "deliver ContentPart", "write stream_end", "write StatusUpdate", "deliver StatusUpdate"],
    ...["write step_end", "write context", "fsync", "write checkpoint"],
    ...["write TurnEnd", "fsync", "write checkpoint", "deliver TurnEnd", "RESPONSE"],
  ]);
});

test("nothing is delivered that was not written, and nothing written twice is delivered once", async () => {
  await wholeTurn();
  const written = new Map<string, number>();
  for (const entry of log) {
    const [verb = "", name = ""] = entry.split(" ");
    if (verb === "write") written.set(name, (written.get(name) ?? 0) + 1);
    if (verb !== "deliver" && verb !== "send") continue;
    const left = (written.get(name) ?? 0) - 1;
    expect([name, left >= 0]).toEqual([name, true]);
    written.set(name, left);
  }
  const undelivered = [...written].filter(([name, left]) => /^[A-Z]/.test(name) && left !== 0);
  expect(undelivered).toEqual([]);
});

const between = (from: string, to: string) => log.slice(log.indexOf(from), log.indexOf(to) + 1);

test.each([
  ["an answer, before it is acted on", "write answer", "deliver ApprovalResponse"],
  ["an intent, before the effect", "write intent", "EFFECT"],
  ["a result, before it is delivered", "write ToolResult", "deliver ToolResult"],
  ["the end of the turn, before it is delivered", "write TurnEnd", "deliver TurnEnd"],
])("%s, is on the disk", async (_name, from, to) => {
  await wholeTurn();
  const span = between(from, to);
  expect(span.length).toBeGreaterThan(2);
  expect(span[1]).toBe("fsync");
});
