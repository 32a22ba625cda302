import { describe, expect, it } from "vitest";
import type { GrantSubject } from "../tools/tool.js";
import type { PathGuard } from "./path-guard.js";
import { decide } from "./policy.js";

const EDIT: GrantSubject = { kind: "edit", path: "/w/x", insideWorkspace: true };
const READ: GrantSubject = { kind: "read_outside", path: "/x" };
const RUN: GrantSubject = { kind: "command", command: "ls", cwd: "/w", background: false };
const NORMAL = { yolo: false, afk: false };
const YOLO = { yolo: true, afk: false };
const AFK = { yolo: false, afk: true };

describe("decide", () => {
  it.each<[string, GrantSubject, PathGuard | null, typeof NORMAL, boolean, string]>([
    ["plain, not covered", RUN, null, NORMAL, false, "ask"],
    ["plain, covered", RUN, null, NORMAL, true, "allow grant"],
    ["yolo", RUN, null, YOLO, false, "allow mode"],
    ["yolo before a grant", RUN, null, YOLO, true, "allow mode"],
    ["afk", RUN, null, AFK, false, "allow mode"],
    ["edit, covered", EDIT, null, NORMAL, true, "allow grant"],
    ["edit of a control file under a grant", EDIT, "control", NORMAL, true, "ask"],
    ["edit of a build script under a grant", EDIT, "build_script", NORMAL, true, "ask"],
    ["edit of an unknown path under a grant", EDIT, "unknown", NORMAL, true, "ask"],
    ["edit of a control file, yolo", EDIT, "control", YOLO, false, "allow mode"],
    ["edit of a build script, afk", EDIT, "build_script", AFK, false, "allow mode"],
    ["edit of an unknown path, yolo", EDIT, "unknown", YOLO, false, "deny"],
    ["edit of an unknown path, afk", EDIT, "unknown", AFK, false, "deny"],
    ["edit of kernel state", EDIT, "kernel_state", NORMAL, true, "deny"],
    ["edit of kernel state, yolo", EDIT, "kernel_state", YOLO, true, "deny"],
    ["edit of kernel state, afk", EDIT, "kernel_state", AFK, true, "deny"],
    ["read of a control file under a grant", READ, "control", NORMAL, true, "ask"],
    ["read of kernel state under a grant", READ, "kernel_state", NORMAL, true, "ask"],
    ["read of a build script under a grant", READ, "build_script", NORMAL, true, "allow grant"],
    ["read of a control file, yolo", READ, "control", YOLO, false, "allow mode"],
  ])("%s", (_name, subject, guard, mode, covered, expected) => {
    const ask = { action: "x", description: "x", display: [], subject };
    const decision = decide({ ask, mode, covered, guard });
    expect(decision.decision === "allow" ? `allow ${decision.via}` : decision.decision).toBe(expected);
    if (decision.decision === "deny") expect(decision.reason).toMatch(/^`\/w\/x` .+\.$/);
  });

  it.each<[string, GrantSubject, PathGuard | null, typeof NORMAL, string]>([
    ["a command", RUN, null, NORMAL, "ask"],
    ["a command, yolo", RUN, null, YOLO, "ask"],
    ["a command, nobody there", RUN, null, AFK, "deny"],
    ["an edit, yolo", EDIT, null, YOLO, "ask"],
    ["an edit of kernel state", EDIT, "kernel_state", NORMAL, "deny"],
  ])("only a person may approve %s, whatever is granted", (_name, subject, guard, mode, expected) => {
    const ask = { action: "x", description: "x", display: [], subject, byPersonOnly: true };
    for (const covered of [true, false]) expect(decide({ ask, mode, covered, guard }).decision).toBe(expected);
  });
});
