import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { builtinModules } from "node:module";
import type { AddressInfo } from "node:net";
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

test.each(["start", "runtime", "turn", "log"])("the script %s has a compile cache that this Node accepts", (name) => {
  expect(existsSync(join(outdir, `${name}.cjs`))).toBe(true);
  expect(existsSync(join(outdir, `${name}.cache`))).toBe(true);
});

/** Node loads its whole fetch at the first touch of one class of it; it would be a fifth of the CPU of a short life. */
test("a kernel's whole life loads nothing of Node's fetch", async () => {
  const touched = await modulesOfATurn("new Headers();");
  expect(touched).toContain(FETCH);
  const loaded = await modulesOfATurn("");
  expect(loaded).toContain("NativeModule http");
  expect(loaded).not.toContain(FETCH);
}, 30_000);

const FETCH = "NativeModule internal/deps/undici/undici";
const REPLY = 'data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Modules of Node in a kernel that ran `also`, one turn, and ended. */
async function modulesOfATurn(also: string): Promise<string[]> {
  const home = await mkdtemp(join(tmpdir(), "kernel-life-"));
  const model = createServer((_, response) => response.end(REPLY)).listen(0, "127.0.0.1");
  try {
    await once(model, "listening");
    const list = join(home, "modules.json");
    const hook = join(home, "hook.mjs");
    const save = `writeFileSync(${JSON.stringify(list)}, JSON.stringify(process.moduleLoadList))`;
    writeFileSync(hook, `import { writeFileSync } from "node:fs";\n${also}\nprocess.on("exit", () => ${save});\n`);
    mkdirSync(join(home, ".kernel"));
    writeFileSync(join(home, ".kernel", "config.toml"), config((model.address() as AddressInfo).port));
    const env = { PATH: process.env.PATH ?? "", HOME: home };
    const args = ["--import", hook, join(outdir, "kernel.js"), "--wire"];
    const kernel = spawn(process.execPath, args, { cwd: home, env, stdio: ["pipe", "pipe", "ignore"] });
    kernel.stdin.write('{"jsonrpc":"2.0","id":"1","method":"initialize","params":{"protocol_version":"1.10"}}\n');
    kernel.stdin.write('{"jsonrpc":"2.0","id":"2","method":"prompt","params":{"user_input":"go"}}\n');
    let out = "";
    kernel.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      if (/"id":"2"/.test(out)) kernel.stdin.end();
    });
    await once(kernel, "close");
    expect(out).toContain('"text":"ok"');
    return JSON.parse(readFileSync(list, "utf8")) as string[];
  } finally {
    model.close();
    await rm(home, { recursive: true, force: true });
  }
}

function config(port: number): string {
  const model = '[models.m]\nprovider = "p"\nmodel = "m"\nmax_context_size = 100000\n';
  const provider = `[providers.p]\ntype = "openai_legacy"\nbase_url = "http://127.0.0.1:${port}/v1"\napi_key = ""\n`;
  return `default_model = "m"\n${model}${provider}`;
}

function packageOf(input: string): string | null {
  const inside = input.split("node_modules/").at(-1) ?? "";
  if (inside === input) return null;
  return inside.split("/", inside.startsWith("@") ? 2 : 1).join("/");
}

function outsideOf(edge: { path: string; kind: string; external?: boolean }): string[] {
  return edge.external === true && edge.kind !== "dynamic-import" && !(edge.path in outputs) ? [edge.path] : [];
}
