/** `npm start`: the kernel's main job in the terminal, through the client, as any host would do it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { KernelClient } from "../src/client/kernel-client.js";
import { sidecarLauncher } from "../src/client/sidecar-launcher.js";
import type { ApprovalRequest, Event } from "../src/wire/generated/types.gen.js";
import { chooseDemoModel, type DemoModel } from "./demo-model.js";
import { demoMessages as say } from "./messages.js";

const DEFAULT_PROMPT = "Create hello.txt with one friendly line in it, then show it with cat.";

/** Runs one prompt to its end and prints what happens. Returns the exit code. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const prompt = args.join(" ").trim() || DEFAULT_PROMPT;
  const scratch = mkdtempSync(join(tmpdir(), "wire-kernel-demo-"));
  const model = await chooseDemoModel(scratch, process.env);
  print(say.model(model.description));
  if (model.isScripted) print(say.ownModel);
  print(say.scratch(scratch));
  try {
    return await runPrompt(prompt, scratch, model);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runPrompt(prompt: string, scratch: string, model: DemoModel): Promise<number> {
  const workDir = join(scratch, "work");
  const launcher = sidecarLauncher({
    command: [process.execPath, process.argv[1] as string],
    cwd: workDir,
    env: { ...process.env, KERNEL_SHARE_DIR: join(scratch, "share") },
  });
  const screen = new DemoScreen();
  let client: KernelClient | null = null;
  try {
    client = await KernelClient.connect({
      launchers: [launcher],
      args: [...model.kernelArgs, "--work-dir", workDir],
      client: { name: "demo" },
      handlers: { onApproval: (request) => screen.ask(request) },
    });
    const { server } = client.info;
    print(say.connected(server.name, server.version));
    print(say.prompt(prompt));
    const turn = client.prompt(prompt);
    for await (const event of turn) screen.show(event);
    print(say.finished((await turn.result).status));
    return 0;
  } catch (error) {
    print(say.failed(error instanceof Error ? error.message : String(error), stderrTail(error)));
    return 1;
  } finally {
    await client?.close();
    screen.close();
  }
}

/** The kernel's own last words, when it died. */
function stderrTail(error: unknown): string {
  const { data } = Object(error) as { data?: { stderrTail?: unknown; cause?: { stderrTail?: unknown } } };
  return String(data?.stderrTail ?? data?.cause?.stderrTail ?? "").trim();
}

/** What the user sees. Questions go to the keyboard; without a terminal the demo answers for itself and says so. */
class DemoScreen {
  readonly #keyboard =
    process.stdin.isTTY && process.stdout.isTTY
      ? createInterface({ input: process.stdin, output: process.stdout })
      : null;
  #inText = false;

  show(event: Event): void {
    switch (event.type) {
      case "ContentPart":
        if (event.payload.type === "text") this.#stream(event.payload.text);
        return;
      case "ToolCall":
        this.#line(say.toolCall(event.payload.function.name, event.payload.function.arguments ?? ""));
        return;
      case "ToolCallPart":
        this.#stream(event.payload.arguments_part ?? "");
        return;
      case "ToolResult": {
        const { is_error: failed, message, output } = event.payload.return_value;
        this.#line(say.toolResult(failed, message, typeof output === "string" ? output.trimEnd() : ""));
        return;
      }
      case "StepRetry":
        this.#line(say.retry(event.payload.next_attempt, event.payload.max_attempts));
        return;
      case "TurnEnd":
        this.#line("");
        return;
      default:
        return;
    }
  }

  async ask(request: ApprovalRequest): Promise<{ response: "approve" | "reject"; feedback: string }> {
    this.#line(say.question(request.description));
    if (this.#keyboard === null) {
      print(say.answeredForYou);
      return { response: "approve", feedback: "" };
    }
    const answer = (await this.#keyboard.question(say.answerPrompt)).trim().toLowerCase();
    if (answer === "y" || answer === "yes") return { response: "approve", feedback: "" };
    return { response: "reject", feedback: answer === "n" || answer === "no" ? "" : answer };
  }

  close(): void {
    this.#keyboard?.close();
  }

  #stream(text: string): void {
    process.stdout.write(text);
    this.#inText = text !== "" && !text.endsWith("\n");
  }

  #line(text: string): void {
    if (this.#inText) process.stdout.write("\n");
    this.#inText = false;
    if (text !== "") print(text);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
