/**
 * What crossed the wire under each test, for `scripts/coverage.mjs`. Off unless KERNEL_E2E_COVERAGE names a folder;
 * each test process appends one JSON line per kernel to a file of its own there.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

const TEST_ID = /(?:^|> )([A-Z]-\d+) /;

interface Passing {
  method?: string;
  params?: unknown;
}

/** The traffic of one client and its kernel. */
export class TrafficRecord {
  readonly #folder: string;
  readonly #test: string;
  readonly #methods = new Set<string>();
  readonly #events = new Set<string>();
  readonly #requests = new Set<string>();
  readonly #blocks = new Set<string>();

  constructor(folder: string, test: string) {
    this.#folder = folder;
    this.#test = test;
  }

  /** A message of either side; answers count for nothing. */
  pass({ method, params }: Passing): void {
    if (method === undefined) return;
    this.#methods.add(method);
    if (method !== "event" && method !== "request") return;
    const { type, payload } = (params ?? {}) as { type?: unknown; payload?: unknown };
    if (typeof type === "string") (method === "event" ? this.#events : this.#requests).add(type);
    this.#blocksIn(payload);
  }

  save(): void {
    mkdirSync(this.#folder, { recursive: true });
    const seen = { methods: this.#methods, events: this.#events, requests: this.#requests, blocks: this.#blocks };
    const lists = Object.fromEntries(Object.entries(seen).map(([name, set]) => [name, [...set].sort()]));
    appendFileSync(join(this.#folder, `${process.pid}.ndjson`), `${JSON.stringify({ test: this.#test, ...lists })}\n`);
  }

  /** Blocks stand in `display`, of a request, of a tool's result, or of either within a subagent's event. */
  #blocksIn(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const { display, return_value, event, payload } = value as Record<string, unknown>;
    for (const block of Array.isArray(display) ? display : []) {
      const type: unknown = (block as { type?: unknown } | null)?.type;
      if (typeof type === "string") this.#blocks.add(type);
    }
    for (const inner of [return_value, event, payload]) this.#blocksIn(inner);
  }
}

/** A record for the running test; null when nobody asked for records, or the title has no id. */
export function trafficRecord(): TrafficRecord | null {
  const folder = process.env.KERNEL_E2E_COVERAGE;
  const id = TEST_ID.exec(expect.getState().currentTestName ?? "")?.[1];
  return folder === undefined || folder === "" || id === undefined ? null : new TrafficRecord(folder, id);
}
