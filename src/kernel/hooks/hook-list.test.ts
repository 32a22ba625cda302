import { expect, it } from "vitest";
import type { HookConfig } from "../config/config.js";
import { type Logger, silentLogger } from "../logger.js";
import { HookList } from "./hook-list.js";

const config = (change: Partial<HookConfig>): HookConfig => ({
  event: "PreToolUse",
  command: "c",
  matcher: "",
  timeout: 30,
  on_error: "allow",
  ...change,
});

it("announces all thirteen events, and counts commands and subscriptions", () => {
  const list = new HookList([config({}), config({ event: "Stop" })], silentLogger);
  expect(list.introduced).toBe(false);
  list.introduce([
    { id: "h1", event: "PreToolUse", matcher: "(" },
    { id: "h2", event: "Bogus" },
  ]);
  list.introduce([{ id: "h1", event: "PreToolUse" }]);
  expect(list.introduced).toBe(true);
  expect(list.summary()).toEqual({
    supported_events: [
      ...["PreToolUse", "PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "StopFailure"],
      ...["SessionStart", "SessionEnd", "SubagentStart", "SubagentStop", "PreCompact", "PostCompact", "Notification"],
    ],
    configured: { PreToolUse: 3, Stop: 1 },
  });
});

it("gives what matches, commands first, a command once with the stricter answer to an error", () => {
  const list = new HookList(
    [
      config({ command: "a", timeout: 5 }),
      config({ command: "b", matcher: "Write" }),
      config({ command: "a", matcher: "Shell", timeout: 9, on_error: "block" }),
      config({ command: "a", event: "PostToolUse" }),
    ],
    silentLogger,
  );
  list.introduce([{ id: "h", event: "PreToolUse", matcher: "Sh", timeout: 2 }]);
  expect(list.matching("PreToolUse", "Shell")).toEqual([
    { kind: "command", command: "a", timeoutMs: 5_000, blockOnError: true },
    { kind: "client", subscriptionId: "h", timeoutMs: 2_000 },
  ]);
  expect(list.matching("PreToolUse", "WriteFile").map((hook) => hook.kind)).toEqual(["command", "command"]);
  expect(list.matching("Stop", "")).toEqual([]);
});

it("an invalid pattern never matches and is logged", () => {
  const warned: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (data) => void warned.push(data) };
  const list = new HookList([config({ matcher: "(" })], logger);
  list.introduce([{ id: "h", event: "PreToolUse", matcher: "[" }]);
  expect(list.matching("PreToolUse", "(")).toEqual([]);
  expect(warned).toEqual([
    { event: "PreToolUse", matcher: "(" },
    { event: "PreToolUse", matcher: "[" },
  ]);
});

it("keeps a client's time within what a timer can hold", () => {
  const list = new HookList([], silentLogger);
  list.introduce([-1, 0, Number.MAX_SAFE_INTEGER].map((timeout) => ({ id: "h", event: "Stop", timeout })));
  const times = list.matching("Stop", "").map((hook) => hook.timeoutMs);
  expect(times).toEqual([0, 0, 86_400_000]);
});
