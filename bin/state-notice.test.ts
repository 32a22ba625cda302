import { expect, it } from "vitest";
import type { KernelStateChange } from "../src/client/kernel-state.js";
import { stateNotice } from "./state-notice.js";

const change: KernelStateChange = {
  from: "ready",
  to: "restarting",
  mode: "sidecar",
  cause: { kind: "exit", code: 137, signal: null, stderrTail: "" },
  guarantees: { resume: true, exactlyOnce: true, hangDetection: true },
  resumedTurn: null,
  unknownEffects: [],
  attempt: 1,
  nextRetryMs: 0,
};

it.each<[Partial<KernelStateChange>, string[]]>([
  [{}, ["The kernel ended (exit 137); starting another."]],
  [
    { cause: { kind: "signal", code: null, signal: "SIGKILL", stderrTail: "" } },
    ["The kernel ended (SIGKILL); starting another."],
  ],
  [
    { from: "starting", to: "ready", attempt: 2, resumedTurn: "t", unknownEffects: ["c1", "c2"] },
    [
      "The kernel is back (sidecar) and goes on with the turn.",
      "Nobody knows whether these calls ran: c1, c2. Look before you let them run again.",
    ],
  ],
  [{ from: "starting", to: "ready", attempt: 1 }, []],
  [{ from: "idle", to: "starting", cause: null }, []],
  [{ to: "failed", cause: null }, ["The kernel ended (no reason is known), and no other could be started."]],
  [
    { cause: { kind: "bad_output", code: null, signal: "SIGKILL", stderrTail: "" } },
    ["The kernel ended (bad_output); starting another."],
  ],
  [
    { from: "starting", to: "starting", cause: { kind: "start_failed", code: 1, signal: null, stderrTail: "" } },
    ["The kernel could not be started (exit 1); trying another."],
  ],
  [
    { from: "restarting", to: "restarting", cause: { kind: "start_failed", code: null, signal: null, stderrTail: "" } },
    ["The kernel could not be started; trying another."],
  ],
  [{ from: "starting", to: "failed" }, []],
  [{ to: "closed" }, []],
])("%j", (part, notices) => {
  expect(stateNotice({ ...change, ...part })).toEqual(notices);
});
