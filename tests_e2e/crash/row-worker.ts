/** A process that runs rows of the table for `scripts/test-crash.mjs`: asks nothing, runs what it is sent, one at a time. */
import type { CrashClientFactory } from "./crash-client.js";
import { runScenario } from "./crash-host.js";
import { KILLS, OTHERS, RANDOM, type Scenario } from "./scenarios.js";

/** What the parent sends. */
export interface RowJob {
  name: string;
  seed: number;
}

const named = (rows: readonly Scenario[]) => rows.map(({ name, state }) => ({ name, state }));

/** Names and states of all rows, by how often they are to be run. */
export const ROWS = { kills: named(KILLS), others: named(OTHERS), random: named(RANDOM) } as const;

const TABLE = new Map<string, Scenario>([...KILLS, ...OTHERS, ...RANDOM].map((row) => [row.name, row]));

/** Runs every job that the parent sends and answers with its result; ends with the parent. */
export function serveRows(connect: CrashClientFactory): void {
  process.send?.({ rows: ROWS });
  process.on("message", ({ name, seed }: RowJob) => {
    const row = TABLE.get(name);
    if (row === undefined) throw new Error(`no such row: ${name}`);
    void runScenario(row, seed, connect).then((result) => process.send?.({ result }));
  });
  process.on("disconnect", () => process.exit());
}
