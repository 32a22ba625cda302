/** A whole kernel in this process, over a memory transport, with a scripted model. For tests. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { type RawPeer, rawPeer } from "../../wire/testing/raw-peer.js";
import { memoryTransportPair } from "../../wire/transport.js";
import { loadConfig } from "../config/load-config.js";
import { resolveModel } from "../config/resolve-model.js";
import type { SessionPlace } from "../fail-point-epoch.js";
import { type FailingKernel, failingKernel } from "../failing-kernel.js";
import type { KernelOptions, KernelOutcome } from "../kernel.js";
import { silentLogger } from "../logger.js";
import { runKernel } from "../main.js";
import { lines } from "./turn-fixture.js";

/** A JSON-RPC message with whatever a test looks at. */
export interface RpcLine {
  id?: string | number | null;
  method?: string;
  params?: { type: string; payload: Record<string, unknown> };
  result?: unknown;
  error?: { code: number; message: string; data: unknown };
}

export interface MemoryKernel extends RawPeer {
  folder: string;
  workDir: string;
  /** Settles when the kernel has ended. */
  outcome: Promise<KernelOutcome>;
  /** What SIGTERM does. */
  terminate(): void;
  /** Takes lines up to and with the first that `until` accepts. */
  read(until: (line: RpcLine) => boolean): Promise<RpcLine[]>;
  /** Sends a request and takes lines up to its response. */
  call(id: string, method: string, params?: unknown): Promise<RpcLine[]>;
  /** Records of the session's journal. */
  journal(): Record<string, unknown>[];
}

export interface MemoryKernelOptions {
  /** Scripts in the echo language; null: no model is configured. */
  scripts?: readonly string[] | null;
  flags?: Partial<KernelOptions["flags"]>;
  /** Fail points as KERNEL_FAILPOINT names them; a thread has no process to end. */
  failPoints?: string;
  /** Of an earlier kernel. */
  folder?: string;
}

/** Gives a function that starts kernels; what they leave is removed after each test. */
export function memoryKernels(): (options?: MemoryKernelOptions) => MemoryKernel {
  const ended: (() => Promise<unknown>)[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const end of ended.splice(0)) await end();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return (options = {}) => {
    const folder = options.folder ?? realpathSync(mkdtempSync(join(tmpdir(), "memory-kernel-")));
    folders.push(folder);
    const workDir = join(folder, "work");
    mkdirSync(workDir, { recursive: true });
    const { model, config } = configured(folder, options.scripts === undefined ? [] : options.scripts);
    const [server, client] = memoryTransportPair();
    const peer = rawPeer(client);
    const stop = new AbortController();
    const flags = {
      workDir,
      addDirs: [],
      skillsDirs: [],
      mcpConfigs: [],
      mcpFileGiven: true,
      session: "S1",
      continue: false,
      afk: false,
      askAlways: false,
      plan: false,
      configFile: null,
    };
    const outcome = runKernel({
      transport: server,
      framing: "ndjson",
      wireCompat: null,
      config,
      model,
      agent: null,
      flags: { ...flags, ...options.flags },
      env: { HOME: folder, PATH: "/usr/bin:/bin" },
      shareDir: join(folder, "share"),
      logger: silentLogger,
      version: "0.0.0-test",
      signal: stop.signal,
      failPoints: failPointsOf(options.failPoints, { shareDir: join(folder, "share"), ...flags }),
    });
    ended.push(() => {
      peer.end();
      return outcome.catch(() => {});
    });
    const read = async (until: (line: RpcLine) => boolean) => {
      const taken: RpcLine[] = [];
      for (;;) {
        const line = (await peer.next()) as RpcLine;
        taken.push(line);
        if (until(line)) return taken;
      }
    };
    return {
      ...peer,
      folder,
      workDir,
      outcome,
      terminate: () => stop.abort(),
      read,
      call: (id, method, params) => {
        peer.sendJson({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
        return read((line) => line.id === id && line.method === undefined);
      },
      journal: () => lines(join(folder, "share", "journal", "S1.jsonl")),
    };
  };
}

/** `event:Type` or `request:Type` of each line, `response` for answers. */
export function kinds(taken: readonly RpcLine[]): string[] {
  return taken.map((line) => (line.method === undefined ? "response" : `${line.method}:${line.params?.type}`));
}

function configured(folder: string, scripts: readonly string[] | null) {
  if (scripts === null) return { config: loadConfig({ source: { kind: "text", text: "{}" } }), model: null };
  const path = join(folder, "scripts.json");
  writeFileSync(path, JSON.stringify(scripts));
  const text = JSON.stringify({
    default_model: "m",
    models: { m: { provider: "p", model: "m", max_context_size: 100_000 } },
    providers: {
      p: { type: "_scripted_echo", base_url: "", api_key: "", env: { KERNEL_SCRIPTED_ECHO_SCRIPTS: path } },
    },
  });
  const config = loadConfig({ source: { kind: "text", text } });
  return { config, model: resolveModel({ config, flags: { model: null, thinking: null }, env: {} }) };
}

function failPointsOf(text: string | undefined, session: SessionPlace): FailingKernel | null {
  return text === undefined ? null : failingKernel({ text, markerFile: null, ends: null, session });
}
