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
  [{}, ["The kernel ended (exit code 137); starting another."]],
  [
    { cause: { kind: "hung", code: null, signal: null, stderrTail: "" } },
    ["The kernel ended (it did not answer any more); starting another."],
  ],
  [{ from: "starting", to: "failed" }, []],
  [
    { cause: { kind: "signal", code: null, signal: "SIGKILL", stderrTail: "" } },
    ["The kernel ended (killed by SIGKILL); starting another."],
  ],
  [
    { from: "starting", to: "ready", attempt: 2, resumedTurn: "t", unknownEffects: ["c1", "c2"] },
    [
      "The kernel is back and goes on with the turn.",
      "2 calls were cut short, and nobody knows whether they took effect. Look before they run again.",
    ],
  ],
  [{ from: "restarting", to: "ready", mode: "in_process", attempt: 3 }, ["The kernel now runs inside this process."]],
  [
    { from: "ready", to: "ready", attempt: 2, unknownEffects: ["c1"] },
    ["A call was cut short, and nobody knows whether it took effect. Look before it runs again."],
  ],
  [{ from: "starting", to: "ready", attempt: 1 }, []],
  [{ from: "idle", to: "starting", cause: null }, []],
  [{ to: "failed", cause: null }, ["The kernel ended (no reason is known), and no other could be started."]],
  [
    { cause: { kind: "bad_output", code: null, signal: "SIGKILL", stderrTail: "" } },
    ["The kernel ended (its output could not be read); starting another."],
  ],
  [
    { from: "starting", to: "starting", cause: { kind: "start_failed", code: 1, signal: null, stderrTail: "" } },
    ["The kernel could not be started (exit code 1); trying another."],
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
