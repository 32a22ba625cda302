/**
 * The published Node SDK, unmodified, with its executable path set to the kernel under test. It passes no configuration
 * of its own, so the scripted model stands in config.toml of the share folder.
 */
import { writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createSession,
  ProtocolClient,
  type RunResult,
  type Session,
  type StreamEvent,
  type Turn,
} from "@moonshot-ai/kimi-agent-sdk";
import type { SessionOptions } from "@moonshot-ai/kimi-agent-sdk/schema";
import { onTestFinished } from "vitest";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { createWorkspace, type Workspace, type WorkspaceOptions } from "./workspace.js";

export interface SdkWorkspaceOptions extends Pick<WorkspaceOptions, "scripts" | "capabilities"> {
  /** A share folder that outlives the test. */
  share?: string;
}

/** A workspace whose share folder holds the configuration; of several in one share folder the last one counts. */
export function sdkWorkspace(options: SdkWorkspaceOptions = {}): Workspace {
  const own = createWorkspace(options);
  const workspace = { ...own, share: options.share ?? own.share };
  writeFileSync(join(workspace.share, "config.toml"), scriptedToml(workspace, options.capabilities ?? []));
  return workspace;
}

/** One path, as the SDK wants it: the command itself, or a script that runs the words of KERNEL_E2E_CMD. */
export function executable(workspace: Workspace): string {
  if ((process.env.KERNEL_E2E_CMD ?? "") === "") {
    return join(dirname(dirname(fileURLToPath(import.meta.url))), "bin", "kernel.js");
  }
  const file = join(dirname(workspace.configFile), "kernel-command");
  const words = kernelCommand().map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  writeFileSync(file, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
  return file;
}

/** What the SDK adds to the environment of this process: nothing of the developer's own folders, the Node of the tests. */
export function sdkEnvironment(workspace: Workspace, extra: Record<string, string> = {}): Record<string, string> {
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  return { ...kernelEnvironment(workspace), PATH: path, KERNEL_SHARE_DIR: "", KERNEL_BIN: "", ...extra };
}

/** A session that is closed when the test ends. */
export function startSession(workspace: Workspace, options: Partial<SessionOptions> = {}): Session {
  const { workDir, share: shareDir } = workspace;
  const env = sdkEnvironment(workspace);
  const session = createSession({ workDir, shareDir, executable: executable(workspace), env, ...options });
  onTestFinished(() => session.close());
  return session;
}

/** The SDK's own client of one process, for what its sessions do not offer; stopped when the test ends. */
export async function startClient(
  workspace: Workspace,
  options: Partial<Parameters<ProtocolClient["start"]>[0]> = {},
): Promise<ProtocolClient> {
  const client = new ProtocolClient();
  onTestFinished(() => client.stop());
  const { workDir } = workspace;
  const environmentVariables = sdkEnvironment(workspace);
  await client.start({ workDir, executablePath: executable(workspace), environmentVariables, ...options });
  return client;
}

export interface SeenTurn {
  events: StreamEvent[];
  result: RunResult;
}

/** Reads a turn to its end; `onEvent` is awaited for each event. Throws what the SDK throws. */
export async function readTurn(turn: Turn, onEvent: (event: StreamEvent) => unknown = () => {}): Promise<SeenTurn> {
  const events: StreamEvent[] = [];
  for await (const event of turn) {
    events.push(event);
    await onEvent(event);
  }
  return { events, result: await turn.result };
}

/** Types in order; "error" is what the SDK makes of an event that it does not know. */
export function eventTypes(events: readonly StreamEvent[]): string[] {
  return events.map((event) => event.type);
}

/** Payloads of all events of one type. */
export function eventPayloads(events: readonly StreamEvent[], type: string): Record<string, unknown>[] {
  return events.flatMap((event) =>
    event.type === type && "payload" in event ? [event.payload as unknown as Record<string, unknown>] : [],
  );
}

/** The id of an approval or a question that the SDK shows, null for other events. */
export function requestId(event: StreamEvent, type: "ApprovalRequest" | "QuestionRequest"): string | null {
  return event.type === type ? (event.payload as { id: string }).id : null;
}

function scriptedToml(workspace: Workspace, capabilities: readonly string[]): string {
  const scripts = join(dirname(workspace.configFile), "scripts.json");
  return [
    'default_model = "scripted"',
    "[models.scripted]",
    'provider = "scripted"',
    'model = "scripted_echo"',
    "max_context_size = 100000",
    `capabilities = ${JSON.stringify(capabilities)}`,
    "[providers.scripted]",
    'type = "_scripted_echo"',
    'base_url = ""',
    'api_key = ""',
    "[providers.scripted.env]",
    `KIMI_SCRIPTED_ECHO_SCRIPTS = ${JSON.stringify(scripts)}`,
    "",
  ].join("\n");
}
