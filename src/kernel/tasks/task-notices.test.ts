import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BackgroundConfig } from "../config/config.js";
import { silentLogger } from "../logger.js";
import type { WireRecord } from "../storage/replay.js";
import type { Recorder } from "../turn/recorder.js";
import { notificationText, tailOf, taskNotification } from "./notification.js";
import { TaskNotices } from "./task-notices.js";
import { newTaskRecord, type TaskRecord } from "./task-record.js";
import { TaskRegistry } from "./task-registry.js";
import { TaskStore } from "./task-store.js";

const config = { max_running_tasks: 4, notification_tail_lines: 2, notification_tail_chars: 100 } as BackgroundConfig;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "notices-"));
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(root, { recursive: true, force: true });
});

function record(change: Partial<TaskRecord> = {}): TaskRecord {
  const fields = {
    kind: "bash",
    description: "job",
    command: "true",
    agent_id: null,
    timeout_s: 60,
    keep_alive: false,
  } as const;
  return { ...newTaskRecord(fields), created_at: 100, ...change };
}

function notices(event: Recorder["event"], records: () => Iterable<WireRecord> = () => []) {
  const store = new TaskStore(root);
  const registry = new TaskRegistry({ store, config, note: () => {}, logger: silentLogger });
  const notified: string[] = [];
  const hooks = { notified: ({ sink, type }: { sink: string; type: string }) => void notified.push(`${sink} ${type}`) };
  const recorder = { event } as Recorder;
  const made = new TaskNotices({ registry, recorder, hooks, config, records, logger: silentLogger });
  const ended = () => {
    const entry = registry.add(record(), "");
    registry.end(entry, { status: "completed", exitCode: 0, reason: null });
    return entry.record;
  };
  return { made, registry, notified, ended };
}

test("shows an end at the start of a turn, once a second while it runs, and at its end; each once", () => {
  const shown: unknown[] = [];
  const { made, ended } = notices(
    (type, payload) => void shown.push([type, (payload as { source_id: string }).source_id]),
  );
  const one = ended();
  made.turnBegan();
  expect(shown).toEqual([["Notification", one.task_id]]);
  const second = ended();
  expect(shown).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(shown.slice(1)).toEqual([["Notification", second.task_id]]);
  const third = ended();
  made.turnEnding();
  expect(shown.slice(2)).toEqual([["Notification", third.task_id]]);
  ended();
  vi.advanceTimersByTime(10_000);
  expect(shown).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});

test("tells the model once, whatever the client has seen, and hooks of both", () => {
  const { made, ended, notified } = notices(() => {});
  const { task_id } = ended();
  const [message, ...others] = [...made.takeMessages()];
  expect(others).toEqual([]);
  expect(message).toEqual([{ type: "text", text: expect.stringContaining(task_id) }]);
  expect([...made.takeMessages()]).toEqual([]);
  made.turnBegan();
  made.turnEnding();
  expect(notified).toEqual(["llm task.completed", "wire task.completed"]);
});

test("what the conversation did not take is told again", () => {
  const { made, ended } = notices(() => {});
  const [first, second] = [ended(), ended()];
  const seen: string[] = [];
  const tell = (most: number) => {
    for (const [part] of made.takeMessages()) {
      seen.push(part?.type === "text" ? (/source_id="([^"]*)"/.exec(part.text)?.[1] ?? "") : "");
      // As if the kernel had died before it was stored.
      if (seen.length === most) break;
    }
  };
  tell(2);
  tell(9);
  expect(seen).toEqual([first.task_id, second.task_id, second.task_id]);
});

test("what the dead kernel had shown is not shown again, even if it died before it could note that", () => {
  const recorded: WireRecord[] = [];
  const record = (type: string, payload: unknown) =>
    recorded.push({ type, isRequest: false, id: null, json: JSON.stringify(payload) });
  const first = notices(record, () => recorded);
  const tasks = [first.ended(), first.ended(), first.ended()];
  // Dies behind the second event: what the file of that task holds is from before it was shown.
  const before = readFileSync(join(root, tasks[1]?.task_id ?? "", "task.json"));
  first.made.turnBegan();
  recorded.pop();
  writeFileSync(join(root, tasks[1]?.task_id ?? "", "task.json"), before);
  const last = { ...(tasks[2] as TaskRecord), shown: false };
  new TaskStore(root).write(last);
  for (let life = 0; life < 2; life += 1) {
    const next = notices(record, () => recorded);
    next.made.turnBegan();
    next.made.turnEnding();
  }
  const shown = recorded.map(({ json }) => (JSON.parse(json) as { source_id: string }).source_id);
  expect(shown).toEqual(tasks.map(({ task_id }) => task_id));
});

test("an event that cannot be recorded is tried again and breaks nothing", () => {
  let broken = true;
  let shown = 0;
  const { made, ended } = notices(() => {
    if (broken) throw new Error("disk full");
    shown += 1;
  });
  ended();
  made.turnBegan();
  vi.advanceTimersByTime(1_000);
  broken = false;
  made.turnEnding();
  expect(shown).toBe(1);
});

test.each([
  ["completed", "success", "completed"],
  ["failed", "error", "failed"],
  ["timed_out", "error", "timed out"],
  ["killed", "warning", "killed"],
  ["lost", "warning", "lost"],
] as const)("%s has the severity %s", (status, severity, words) => {
  const ended = record({ status, ended_at: 103, exit_code: 1, reason: "why" });
  const said = taskNotification(ended);
  expect(said).toMatchObject({
    id: ended.notification_id,
    category: "task",
    type: `task.${status}`,
    source_kind: "background_task",
    source_id: ended.task_id,
    title: `Background task ${words}: job`,
    severity,
    created_at: 103,
    payload: { task_id: ended.task_id, task_kind: "bash", status, exit_code: 1, reason: "why" },
  });
  expect(said.body).toBe(
    `Task ID: ${ended.task_id}\nStatus: ${status} (1970-01-01 00:01:43, after 3s)\nDescription: job\nExit code: 1\nReason: why`,
  );
  expect(notificationText(ended, "last words")).toMatch(
    /^<notification id="n[\s\S]*\nOutput tail:\nlast words\n<\/notification>$/,
  );
});

test("the tail is bounded in lines and in characters", () => {
  expect(tailOf("a\nb\nc\n", 2, 100)).toBe("b\nc");
  expect(tailOf("a\nbcd\n", 2, 3)).toBe("bcd");
  expect(tailOf("a\n", 0, 100)).toBe("");
});
