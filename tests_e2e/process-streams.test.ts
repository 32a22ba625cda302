/** stdout carries the protocol and nothing else, stderr no JSON, and a reader that is slow or gone does no harm. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chunk, modelAt, startFakeModelServer } from "./fake-model-server.js";
import { kernelCommand, startKernel } from "./kernel-process.js";
import { memoryMiB, until, untilNoneLeft } from "./process-scan.js";
import { shellTurn } from "./scripts.js";
import { onlySession, recordedTypes } from "./session-files.js";
import { payloads, runTurn, types } from "./turn.js";
import { createWorkspace } from "./workspace.js";

const isNode = kernelCommand()[0] === process.execPath;

/** Lines of stderr that are JSON objects; drivers that merge both streams would take them for messages. */
const jsonOn = (stderr: string): string[] => stderr.split("\n").filter((line) => line.trimStart().startsWith("{"));

describe("stdout and stderr", () => {
  it("B-030 a configuration that provokes warnings leaves stdout to the protocol and stderr empty", async () => {
    const workspace = createWorkspace({
      scripts: ["text: quiet"],
      config: { nonsense: { deep: [1] }, theme: "dark", telemetry: false, models_of_old: 1 },
      capabilities: ["telepathy"],
    });
    chmodSync(workspace.configFile, 0o666);
    const kernel = startKernel(workspace, { args: ["--debug"], env: { DEBUG: "*", NODE_DEBUG: "" } });
    await kernel.initialize();
    expect((await runTurn(kernel, "hi")).response.result).toEqual({ status: "finished" });
    expect(kernel.noise).toEqual([]);
    expect(kernel.stderr).toBe("");
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(kernel.noise).toEqual([]);
    expect(jsonOn(kernel.stderr)).toEqual([]);
  });

  it("B-031 every message has the version key", async () => {
    const kernel = startKernel(createWorkspace({ scripts: ["text: hi"] }));
    await kernel.initialize();
    await runTurn(kernel, "hi");
    kernel.raw("nonsense\n");
    await kernel.response(null);
    expect(kernel.log.filter((m) => m.jsonrpc !== "2.0")).toEqual([]);
  });

  // Needs a kernel that runs on this Node, because the stray writer is loaded into it.
  it.runIf(isNode)("B-032 F44 code that prints in the process reaches neither stdout nor stderr", async () => {
    const workspace = createWorkspace({ scripts: shellTurn("echo clean") });
    const stray = join(workspace.home, "stray-writer.cjs");
    const print = `console.log('{"stray":1}'); console.error("stray"); process.stdout.write("stray\\n");
      process.stderr.write('{"stray":2}\\n'); process.emitWarning("stray"); process.emit("stray-done");`;
    writeFileSync(stray, `process.on("SIGUSR2", () => { ${print} });`);
    const kernel = startKernel(workspace, { args: ["--yolo"], env: { NODE_OPTIONS: `--require ${stray}` } });
    await kernel.initialize();
    for (let round = 0; round < 3; round++) {
      kernel.child.kill("SIGUSR2");
      await kernel.call("cancel");
    }
    const turn = await runTurn(kernel, "go");
    kernel.child.kill("SIGUSR2");
    await kernel.call("cancel");
    expect(payloads(turn.messages, "ToolResult")).toMatchObject([{ return_value: { output: "clean\n" } }]);
    expect(await kernel.close()).toEqual({ code: 0, signal: null });
    expect(kernel.noise).toEqual([]);
    expect(kernel.log.filter((m) => "stray" in m)).toEqual([]);
    expect(kernel.stderr).not.toContain("stray");
  });

  it("B-033 a tool's output never reaches the kernel's own stdout or stderr", async () => {
    const command = `echo '{"jsonrpc":"2.0","id":"forged"}'; echo '{"x":1}' >&2; echo forged > /dev/stderr`;
    const kernel = startKernel(createWorkspace({ scripts: shellTurn(command) }), { args: ["--yolo"] });
    await runTurn(kernel, "go");
    await kernel.close();
    expect(kernel.noise).toEqual([]);
    expect(kernel.log.filter((m) => m.id === "forged")).toEqual([]);
    expect(jsonOn(kernel.stderr)).toEqual([]);
    expect(kernel.stderr).not.toContain("forged");
  });
});

describe("readers", () => {
  it("B-034 F3 a reader that goes away ends the kernel with code 0, no orphan and no noise", async () => {
    const mark = `epipe-${process.pid}-${Date.now()}`;
    const workspace = createWorkspace({ scripts: shellTurn("echo $$ > started; sleep 60") });
    const kernel = startKernel(workspace, { args: ["--yolo"], env: { E2E_MARK: mark } });
    kernel.request("prompt", { user_input: "go" });
    await kernel.event("ToolCall");
    const begin = Date.now();
    kernel.child.stdout.destroy();
    // Something has to be written before a lost reader shows.
    for (let i = 0; i < 20; i++) kernel.request("cancel");
    expect(await kernel.exit(5_000)).toEqual({ code: 0, signal: null });
    expect(Date.now() - begin).toBeLessThan(3_000);
    await untilNoneLeft(mark);
    expect(kernel.stderr).not.toMatch(/EPIPE|\bat .*:\d+:\d+/);
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
  });

  it("B-035 F7 a stalled reader stops the model, not the memory, and gets everything in order afterwards", async () => {
    const stream = await endlessModel(5_000);
    const kernel = startKernel(createWorkspace({ config: modelAt(stream.url) }));
    const prompt = kernel.request("prompt", { user_input: "much" });
    await kernel.event("ContentPart");
    kernel.child.stdout.pause();
    const before = memoryMiB(kernel, "VmRSS");
    await stream.standsStill();
    // 20 MB in all; what was taken lies in the buffers of sockets and pipes and within the kernel's own bound.
    expect(stream.pushed()).toBeLessThan(4_000);
    expect(memoryMiB(kernel, "VmRSS") - before).toBeLessThan(64);
    kernel.child.stdout.resume();
    expect(await kernel.response(prompt, 15_000)).toMatchObject({ result: { status: "finished" } });
    const parts = payloads(kernel.log, "ContentPart").map((part) => Number.parseInt(String(part.text), 10));
    expect(parts).toEqual(Array.from({ length: 5_000 }, (_, index) => index));
    // Storing one message of 20 MB holds it a few times at the end of the turn.
    expect(memoryMiB(kernel, "VmHWM") - before).toBeLessThan(350);
  }, 40_000);

  it("B-036 F7 cancel works while the reader is stalled", async () => {
    const stream = await endlessModel(Number.POSITIVE_INFINITY);
    const workspace = createWorkspace({ config: modelAt(stream.url) });
    const kernel = startKernel(workspace);
    const prompt = kernel.request("prompt", { user_input: "much" });
    await kernel.event("ContentPart");
    kernel.child.stdout.pause();
    await stream.standsStill();
    const begin = Date.now();
    const stop = kernel.request("cancel");
    // Text: the kernel may be in the middle of a line of half a MiB.
    const recorded = join(onlySession(workspace), "wire.jsonl");
    const isOver = () => existsSync(recorded) && readFileSync(recorded, "utf8").includes('"type":"TurnEnd"');
    await until("the end of the turn is on disk", isOver);
    expect(Date.now() - begin).toBeLessThan(1_500);
    kernel.child.stdout.resume();
    expect(await kernel.response(prompt)).toMatchObject({ result: { status: "cancelled" } });
    expect(await kernel.response(stop)).toMatchObject({ result: {} });
    expect(types(kernel.log).at(-1)).toBe("TurnEnd");
    const parts = payloads(kernel.log, "ContentPart").map((part) => Number.parseInt(String(part.text), 10));
    expect(parts).toEqual(Array.from(parts, (_, index) => index));
    expect(kernel.noise).toEqual([]);
  });

  it("B-037 a stalled reader and a closed stdin: the kernel still ends in time", async () => {
    const script = Array.from({ length: 10_000 }, () => `text: ${"z".repeat(2_000)}`).join("\n");
    const workspace = createWorkspace({ scripts: [script] });
    const kernel = startKernel(workspace);
    kernel.request("prompt", { user_input: "much" });
    await kernel.event("ContentPart");
    kernel.child.stdout.pause();
    let ended = Number.POSITIVE_INFINITY;
    const begin = Date.now();
    kernel.child.once("exit", () => {
      ended = Date.now() - begin;
    });
    kernel.child.stdin.end();
    await until("the exit", () => Number.isFinite(ended), 6_000);
    expect(kernel.child.exitCode).toBe(0);
    expect(ended).toBeLessThan(4_000);
    expect(recordedTypes(onlySession(workspace)).at(-1)).toBe("TurnEnd");
    kernel.child.stdout.resume();
  });
});

interface ModelStream {
  url: string;
  /** Pieces that the network has taken so far. */
  pushed(): number;
  /** Resolves when no further piece was taken for a while. */
  standsStill(): Promise<void>;
}

/** A model that says `pieces` numbered pieces of 4 KB as fast as they are taken. */
async function endlessModel(pieces: number): Promise<ModelStream> {
  const pad = "x".repeat(4_000);
  let pushed = 0;
  const { url } = await startFakeModelServer(async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (; pushed < pieces && !response.destroyed; pushed++) {
      if (response.write(chunk({ content: `${pushed};${pad}` }))) continue;
      await drained(response);
    }
    response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
  });
  const standsStill = async () => {
    let last = -1;
    let since = Date.now();
    const still = () => {
      if (pushed !== last) since = Date.now();
      last = pushed;
      return Date.now() - since > 600;
    };
    await until("the model's stream stands still", still, 10_000);
  };
  return { url, pushed: () => pushed, standsStill };
}

/** Resolves when more may be written, or when nobody is left to write to. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}
