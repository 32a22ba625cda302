/** Whole turns whose kernel dies, one for each state in which it can, under the product's own client. */
import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runScenario } from "./crash/crash-host.js";
import { KILLS, OTHERS, RANDOM, type Scenario } from "./crash/scenarios.js";
import { connectCrashClient } from "./crash/supervised-client.js";

/** A kernel that hangs is given 10 s before it is taken for dead; and several rows run beside each other. */
const ROW_MS = 60_000;

async function problemsOf(scenario: Scenario, seed: number): Promise<string[]> {
  const { problems, folder } = await runScenario(scenario, seed, connectCrashClient);
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  return problems;
}

/** Of the random kills; each is a time of the turn. */
const SEEDS = [1, 2];

it("F-204 the rows kill 64 kernels and more, in each of the 16 states of a turn", () => {
  const points = [...KILLS, ...OTHERS].flatMap(({ failPoints }) => failPoints.split(","));
  const kills = points.filter((point) => point.includes(":kill")).length + RANDOM.length * SEEDS.length;
  expect(kills).toBeGreaterThanOrEqual(64);
  expect(new Set(KILLS.map(({ state }) => state)).size).toBe(16);
});

/** Rows wait for processes most of the time. */
describe.concurrent("a kernel is killed", { timeout: ROW_MS }, () => {
  it.each(KILLS.map((scenario) => ({ ...scenario, scenario })))("F-201 $state: $name", async ({ scenario }) => {
    expect(await problemsOf(scenario, 21)).toEqual([]);
  });

  it.each(RANDOM.map((scenario) => ({ ...scenario, scenario })))("F-202 $name", async ({ scenario }) => {
    for (const seed of SEEDS) expect(await problemsOf(scenario, seed)).toEqual([]);
  });

  it.each(OTHERS.map((scenario) => ({ ...scenario, scenario })))("F-203 $name", async ({ scenario }) => {
    expect(await problemsOf(scenario, 22)).toEqual([]);
  });
});
