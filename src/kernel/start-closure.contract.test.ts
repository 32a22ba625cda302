import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildBundle } from "../../scripts/build.mjs";
import { START_ENTRIES, staticClosure } from "../../scripts/start-closure.mjs";

/** What may load before initialize is answered, beside our own sources and Node. */
const PACKAGES = ["smol-toml", "vscode-jsonrpc", "zod"];
/**
 * Bytes of JavaScript that Node reads and compiles before initialize is answered. Raised only with a reason: the answer lists skills and
 * counts hooks, and the command line names MCP servers, agents and a compatibility mode.
 */
const BUDGET_BYTES = 220_000;
/** The command, the script that holds the start, and the two doors into it. */
const MAX_FILES = 4;

let outdir: string;
let outputs: Metafile["outputs"];
let files: string[];

beforeAll(async () => {
  outdir = await mkdtemp(join(tmpdir(), "kernel-closure-"));
  ({ outputs } = await buildBundle(outdir));
  files = staticClosure(outputs, START_ENTRIES);
});
afterAll(() => rm(outdir, { recursive: true, force: true }));

test("the start loads nothing but our own sources, the allowed packages and Node", () => {
  const inputs = files.flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
  const packages = new Set(inputs.flatMap((input) => packageOf(input) ?? []));
  expect([...packages].sort()).toEqual(PACKAGES);
  const outside = files.flatMap((file) => (outputs[file]?.imports ?? []).flatMap((edge) => outsideOf(edge)));
  expect(outside.filter((path) => !builtinModules.includes(path.replace(/^node:/, "")))).toEqual([]);
});

test("the start keeps to its budget of bytes and files", () => {
  const bytes = files.reduce((sum, file) => sum + (outputs[file]?.bytes ?? 0), 0);
  process.stdout.write(`start: ${bytes} bytes in ${files.length} files\n`);
  expect(bytes).toBeLessThanOrEqual(BUDGET_BYTES);
  expect(files.length).toBeLessThanOrEqual(MAX_FILES);
});

test.each(["start", "runtime", "turn"])("the script %s has a compile cache that this Node accepts", (name) => {
  expect(existsSync(join(outdir, `${name}.cjs`))).toBe(true);
  expect(existsSync(join(outdir, `${name}.cache`))).toBe(true);
});

function packageOf(input: string): string | null {
  const inside = input.split("node_modules/").at(-1) ?? "";
  if (inside === input) return null;
  return inside.split("/", inside.startsWith("@") ? 2 : 1).join("/");
}

function outsideOf(edge: { path: string; kind: string; external?: boolean }): string[] {
  return edge.external === true && edge.kind !== "dynamic-import" && !(edge.path in outputs) ? [edge.path] : [];
}
