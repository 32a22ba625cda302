import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LocateRequest, locateSession } from "./session-locate.js";
import { type TempShare, tempShare, WORK_DIR } from "./testing/temp-share.js";

let share: TempShare;

beforeEach(() => {
  share = tempShare();
});

afterEach(() => share.remove());

function locate(request: Partial<LocateRequest>) {
  return locateSession({
    shareDir: share.shareDir,
    workDir: WORK_DIR,
    sessionId: null,
    continueLast: false,
    ...request,
  });
}

function writeSession(id: string, seconds: number, content = "{}\n"): void {
  const { context } = share.paths(id);
  fs.mkdirSync(dirname(context), { recursive: true });
  fs.writeFileSync(context, content);
  fs.utimesSync(context, seconds, seconds);
}

function writeLast(id: string): void {
  const entry = { path: WORK_DIR, kaos: "local", last_session_id: id };
  fs.writeFileSync(join(share.shareDir, "kimi.json"), JSON.stringify({ work_dirs: [entry] }));
}

const none = expect.objectContaining({
  code: "usage",
  message: "No previous session found for the working directory",
});

test("without a flag: a new uuid", () => {
  const { sessionId, exists } = locate({});
  expect(sessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(exists).toBe(false);
});

test("--session: exactly that id, resumed when it is there", () => {
  expect(locate({ sessionId: "RS" })).toEqual({ sessionId: "RS", exists: false });
  writeSession("RS", 5);
  expect(locate({ sessionId: "RS" })).toEqual({ sessionId: "RS", exists: true });
  fs.writeFileSync(share.paths("LG").legacyContext, "{}\n");
  expect(locate({ sessionId: "LG" })).toEqual({ sessionId: "LG", exists: true });
  expect(() => locate({ sessionId: "../RS" })).toThrow(expect.objectContaining({ code: "usage" }));
});

test("--continue: the stored id", () => {
  writeSession("A", 10);
  writeSession("B", 20);
  writeLast("A");
  expect(locate({ continueLast: true })).toEqual({ sessionId: "A", exists: true });
});

test.each(["gone", "../../etc", ""])("--continue falls back to the newest session when the stored id is %j", (last) => {
  writeSession("A", 10);
  writeSession("B", 20);
  writeSession("empty", 30, "");
  writeLast(last);
  expect(locate({ continueLast: true }).sessionId).toBe("B");
  fs.writeFileSync(share.paths("LG").legacyContext, "{}\n");
  expect(locate({ continueLast: true }).sessionId).toBe("LG");
});

test("--continue with nothing to continue", () => {
  expect(() => locate({ continueLast: true })).toThrow(none);
  writeLast("gone");
  fs.mkdirSync(share.paths("E").dir, { recursive: true });
  expect(() => locate({ continueLast: true })).toThrow(none);
});
