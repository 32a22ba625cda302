import { describe, expect, it } from "vitest";
import { groupExists, signalGroup } from "./group-signals.js";
import { ownProcessGroup } from "./process-start-time.js";

describe("signalGroup", () => {
  it.each([0, 1, -1, -42, Number.NaN, 1.5, process.pid, ownProcessGroup()])("refuses %d", (pgid) => {
    expect(() => signalGroup(pgid, "SIGTERM")).toThrow("refusing");
    expect(() => groupExists(pgid)).toThrow("refusing");
  });

  it("takes a group that is gone for no error", () => {
    // Above the largest pid that Linux hands out.
    expect(() => signalGroup(2 ** 22 + 1, "SIGTERM")).not.toThrow();
    expect(groupExists(2 ** 22 + 1)).toBe(false);
  });
});
