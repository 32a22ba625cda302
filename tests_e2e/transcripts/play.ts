/** Runs a scenario and writes down what crossed the wire, or plays what was written down to a kernel again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type KernelProcess, type Message, startKernel } from "../kernel-process.js";
import { createWorkspace, type Workspace } from "../workspace.js";
import type { Scenario } from "./scenarios.js";
import { Placeholders, type Transcript, type TranscriptLine, type TranscriptMeta } from "./transcript-file.js";

function start(meta: TranscriptMeta): { kernel: KernelProcess; workspace: Workspace } {
  const workspace = createWorkspace({
    scripts: meta.scripts,
    capabilities: meta.capabilities,
    config: { loop_control: meta.loop_control, ...(meta.mcp === undefined ? {} : { mcp: meta.mcp }) },
  });
  for (const [name, text] of Object.entries(meta.files)) {
    const file = join(workspace.workDir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return { workspace, kernel: startKernel(workspace, { args: meta.args }) };
}

/** Runs the scenario against the kernel under test. */
export async function record(scenario: Scenario): Promise<Transcript> {
  const meta: TranscriptMeta = {
    about: scenario.about,
    protocol_version: "1.10",
    scripts: scenario.scripts,
    args: scenario.args ?? [],
    capabilities: scenario.capabilities ?? [],
    loop_control: scenario.loop_control ?? {},
    ...(scenario.mcp === undefined ? {} : { mcp: scenario.mcp }),
    files: scenario.files ?? {},
  };
  const { kernel, workspace } = start(meta);
  const placeholders = new Placeholders(workspace.workDir);
  const lines: TranscriptLine[] = [];
  let received = 0;
  const flush = () => {
    for (const msg of kernel.log.slice(received)) lines.push({ dir: "<", msg: placeholders.mask(msg) });
    received = kernel.log.length;
  };
  const send = kernel.send.bind(kernel);
  kernel.send = (message) => {
    flush();
    lines.push({ dir: ">", msg: placeholders.mask({ jsonrpc: "2.0", ...message }) });
    send(message);
  };
  await scenario.run(kernel);
  await kernel.close();
  flush();
  return { meta, lines };
}

/** Sends the client's lines when as much has been received as before them in the file; gives back what came. */
export async function play({ meta, lines }: Transcript): Promise<Message[]> {
  const { kernel, workspace } = start(meta);
  const placeholders = new Placeholders(workspace.workDir);
  const masked: Message[] = [];
  const take = () => {
    for (const message of kernel.log.slice(masked.length)) masked.push(placeholders.mask(message));
  };
  let expected = 0;
  for (const { dir, msg } of lines) {
    if (dir === "<") {
      expected += 1;
      continue;
    }
    await received(kernel, expected);
    take();
    const { jsonrpc: _, ...message } = placeholders.fill(msg);
    kernel.send(message);
  }
  await received(kernel, expected);
  await kernel.close();
  take();
  return masked;
}

async function received(kernel: KernelProcess, count: number): Promise<void> {
  if (kernel.log.length < count) await kernel.find(() => kernel.log.length >= count, `${count} messages`);
}

/**
 * What two runs must agree on. Events, requests and the answers to prompt and replay have one order, but for outcomes
 * of tools that ran beside each other; the answers to other calls have none. `error.data` is nobody's promise.
 */
export function comparable(messages: readonly Message[], sent: readonly Message[]): unknown {
  const waited = new Set(sent.filter((m) => m.method === "prompt" || m.method === "replay").map((m) => m.id));
  const plain = messages.map(({ error, ...rest }) =>
    error === undefined ? rest : { ...rest, error: { code: error.code, message: error.message } },
  );
  const isInOrder = (m: { method?: string; id?: unknown }) => m.method !== undefined || waited.has(m.id as string);
  const others = plain.filter((m) => !isInOrder(m));
  return {
    inOrder: sortOutcomes(plain.filter(isInOrder)),
    answers: Object.fromEntries(others.map((m) => [String(m.id), m])),
    answerCount: others.length,
  };
}

type Plain = Omit<Message, "error">;

/** Brings each run of neighbouring ApprovalResponses and ToolResults into one order. */
function sortOutcomes<M extends Plain>(messages: readonly M[]): M[] {
  const key = ({ params }: M) => {
    if (params?.type !== "ApprovalResponse" && params?.type !== "ToolResult") return null;
    return `${params.type} ${params.payload.request_id ?? params.payload.tool_call_id}`;
  };
  const sorted: M[] = [];
  let run: M[] = [];
  const flush = () => {
    sorted.push(...run.sort((a, b) => String(key(a)).localeCompare(String(key(b)))));
    run = [];
  };
  for (const message of messages) {
    if (key(message) !== null) {
      run.push(message);
      continue;
    }
    flush();
    sorted.push(message);
  }
  flush();
  return sorted;
}
