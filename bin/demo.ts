/** `npm start`: the kernel's main job in the terminal, through the same client and the same screen as the chat. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostHandlers } from "../src/client/host.js";
import { KERNEL_VERSION } from "../src/kernel/version.js";
import { approvalText } from "./ask-text.js";
import { chatAnswers } from "./chat-answers.js";
import { clientFailure } from "./client-failure.js";
import { demoMessages as say } from "./demo-messages.js";
import { chooseDemoModel, type DemoModel } from "./demo-model.js";
import type { HostClient } from "./host-client.js";
import { LineInput } from "./line-input.js";
import { openClient } from "./open-client.js";
import { Screen } from "./screen.js";
import { stateNotice } from "./state-notice.js";
import { StopCode, type StopWatch, watchStops } from "./stop-watch.js";
import { TurnView } from "./turn-view.js";

const DEFAULT_PROMPT = "Create hello.txt with one friendly line in it, then show it with cat.";

const NO_FLAGS = { config: null, configFile: null, model: null, agentFile: null };

/** Runs one prompt to its end, or until a signal comes, and prints what happens. Returns the exit code. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const prompt = args.join(" ").trim() || DEFAULT_PROMPT;
  const scratch = mkdtempSync(join(tmpdir(), "wire-kernel-demo-"));
  const stops = watchStops(process.stdout);
  const screen = new Screen({ out: process.stdout, env: process.env });
  const view = new TurnView({ screen });
  const keyboard = process.stdin.isTTY && process.stdout.isTTY ? openKeyboard(screen) : null;
  let client = null as HostClient | null;
  const play = async (): Promise<number> => {
    const model = await chooseDemoModel(scratch, process.env);
    screen.line(say.model(model.description));
    if (model.isScripted) screen.line(say.ownModel);
    screen.line(say.scratch(scratch));
    const handlers: HostHandlers = {
      ...(keyboard === null ? approveAll(screen, view) : chatAnswers({ screen, input: keyboard, view: () => view })),
      onState: (change) => {
        for (const notice of stateNotice(change)) screen.line(notice, "dim");
      },
    };
    client = await openDemoClient(scratch, model, handlers, stops.signal);
    return await runPrompt(client, prompt, screen, view);
  };
  const playing = play();
  try {
    return await Promise.race([playing, stopCode(stops)]);
  } catch (error) {
    screen.line(say.failed(clientFailure(error, NO_FLAGS).message));
    return 1;
  } finally {
    view.close();
    keyboard?.close();
    // The kernel writes into the folder until it has ended.
    await Promise.race([client?.close() ?? playing.catch(() => {}), stops.again]);
    playing.catch(() => {});
    rmSync(scratch, { recursive: true, force: true });
  }
}

function stopCode({ signal }: StopWatch): Promise<number> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(signal.reason instanceof StopCode ? signal.reason.exitCode : 1));
  });
}

async function openDemoClient(
  scratch: string,
  model: DemoModel,
  handlers: HostHandlers,
  signal: AbortSignal,
): Promise<HostClient> {
  const workDir = join(scratch, "work");
  return await openClient({
    session: randomUUID(),
    args: [...model.kernelArgs, "--work-dir", workDir],
    firstArgs: [],
    kernel: null,
    cwd: workDir,
    env: { ...process.env, KERNEL_SHARE_DIR: join(scratch, "share") },
    client: { name: "demo", version: KERNEL_VERSION },
    planMode: false,
    ...{ handlers, signal },
  });
}

async function runPrompt(client: HostClient, prompt: string, screen: Screen, view: TurnView): Promise<number> {
  const { name, version } = client.info.server;
  screen.line(say.connected(name, version));
  screen.line(say.prompt(prompt));
  const turn = client.prompt(prompt);
  for await (const event of turn) view.show(event);
  const { status } = await turn.result;
  view.close();
  screen.line(say.finished(status));
  return 0;
}

/** Without a keyboard the demo answers for itself and says so. */
function approveAll(screen: Screen, view: TurnView): HostHandlers {
  return {
    onApproval: async (request) => {
      view.pause();
      screen.line(approvalText(request));
      screen.line(say.answeredForYou);
      view.resume(request.tool_call_id);
      return { response: "approve" };
    },
  };
}

/** Ctrl-C is the signal that it is elsewhere. */
function openKeyboard(screen: Screen): LineInput {
  return new LineInput({
    input: process.stdin,
    output: process.stdout,
    screen,
    onLine: () => true,
    onInterrupt: () => void process.kill(process.pid, "SIGINT"),
    onEnd: () => {},
  });
}
