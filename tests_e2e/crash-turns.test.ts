/** Whole turns whose kernel dies, one for each state in which it can, under the product's own client. */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runScenario } from "./crash/crash-host.js";
import { KILLS, OTHERS, RANDOM, type Scenario } from "./crash/scenarios.js";
import { connectCrashClient } from "./crash/supervised-client.js";

/** A kernel that hangs is given 10 s before it is taken for dead. */
const HANG_MS = 60_000;

async function problemsOf(scenario: Scenario, seed: number): Promise<string[]> {
  const { problems, folder } = await runScenario(scenario, seed, connectCrashClient);
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  return problems;
}

describe("a kernel is killed", () => {
  it.each(KILLS.map((scenario) => ({ ...scenario, scenario })))("F-201 $name", async ({ scenario }) => {
    expect(await problemsOf(scenario, 21)).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6])("F-202 at any time, %i", async (seed) => {
    expect(await problemsOf(RANDOM, seed)).toEqual([]);
  });
});

describe("other ways", () => {
  it.each(OTHERS.map((scenario) => ({ ...scenario, scenario })))(
    "F-203 $name",
    { timeout: HANG_MS },
    async ({ scenario }) => {
      expect(await problemsOf(scenario, 22)).toEqual([]);
    },
  );
});
