/** `kernel -p`: one prompt, its answer on stdout, nobody there. */
import type { HostHandlers } from "../src/client/host.js";
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import type { PromptResult } from "../src/wire/generated/types.gen.js";
import { policyAnswer } from "./approve-policy.js";
import { type ClientFailure, clientFailure, EXIT_FAILED, EXIT_RESUMABLE, EXIT_USAGE } from "./client-failure.js";
import { configTypos } from "./config-typos.js";
import type { HostClient, OpenOptions } from "./host-client.js";
import { hostSession } from "./host-session.js";
import { openClient } from "./open-client.js";
import { type PrintFormat, printFormat } from "./print-format.js";
import { printMessages as say } from "./print-messages.js";
import { readPrompt } from "./read-prompt.js";
import { Screen } from "./screen.js";
import { stateNotice } from "./state-notice.js";
import { StopCode, type StopWatch, watchStops } from "./stop-watch.js";
import { turnMessages } from "./turn-messages.js";
import { TurnView } from "./turn-view.js";

/**
 * Runs the prompt to its end. Gives the exit code: 0 finished, 1 failed or out of steps, 2 wrong usage or
 * configuration, 75 when the turn is open and the session can go on with it, 128 + n when signal n ended it.
 */
export async function runPrint(flags: KernelFlags, argv: readonly string[]): Promise<number> {
  const { stdout, stderr } = process;
  const stops = watchStops(stdout);
  const refuse = (sentence: string): number => {
    stderr.write(`${sentence}\n`);
    return EXIT_USAGE;
  };
  if (flags.inputFormat === "stream-json") return refuse(say.noStreamInput);
  if (flags.outputFormat === "wire" && flags.finalMessageOnly) return refuse(say.noFinalEnvelopes);
  const run = async (): Promise<number> => {
    const prompt = await readPrompt(flags.prompt, process.stdin, stops.signal);
    if (prompt === null) return stopCode(stops) ?? refuse(say.noPrompt);
    if (prompt.trim() === "") return refuse(say.emptyPrompt);
    if (!flags.quiet) for (const typo of configTypos(flags)) stderr.write(`${typo}\n`);
    const format = printFormat(flags, { write: (text) => stdout.write(text), isTerminal: stdout.isTTY === true });
    return await new PrintRun(flags, argv, stops, format).run(prompt);
  };
  const reported = run().catch((error: unknown) => {
    const { message, exitCode } = clientFailure(error, flags);
    stderr.write(`${message}\n`);
    return exitCode;
  });
  return await Promise.race([stops.again, reported]);
}

interface Failure extends ClientFailure {
  status: "failed" | "interrupted";
  /** For stderr. */
  sentence: string;
}

class PrintRun {
  readonly #flags: KernelFlags;
  readonly #argv: readonly string[];
  readonly #stops: StopWatch;
  readonly #format: PrintFormat;
  readonly #screen = new Screen({ out: process.stderr, env: process.env });
  readonly #unknownEffects: string[] = [];

  constructor(flags: KernelFlags, argv: readonly string[], stops: StopWatch, format: PrintFormat) {
    this.#flags = flags;
    this.#argv = argv;
    this.#stops = stops;
    this.#format = format;
  }

  async run(prompt: string): Promise<number> {
    // A stop while the kernel starts gives up the start; later it cancels the turn first.
    const opening = new AbortController();
    const giveUp = (): void => opening.abort();
    this.#stops.signal.addEventListener("abort", giveUp, { once: true });
    const start = hostSession(this.#flags, this.#argv);
    const { plan, yolo } = this.#flags;
    const options: OpenOptions = {
      ...start,
      ...{ planMode: plan, handlers: this.#handlers(), signal: opening.signal },
      // Nobody can be asked, and this run was told to ask nobody.
      ...(yolo ? { fallbackApprovals: "same" } : {}),
    };
    let client: HostClient;
    try {
      if (this.#stops.signal.aborted) giveUp();
      client = await openClient(options);
    } catch (error) {
      return this.#end(start.session, null, startFailure(error, this.#flags));
    }
    this.#stops.signal.removeEventListener("abort", giveUp);
    try {
      return await this.#turn(client, prompt);
    } finally {
      await client.close();
    }
  }

  async #turn(client: HostClient, prompt: string): Promise<number> {
    const turn = client.prompt(prompt);
    const cancel = (): void => {
      if (!this.#flags.quiet && isTold(this.#stops)) this.#say(turnMessages.stopping);
      // Too late, or the kernel is gone: the end of the turn tells.
      client.cancel().catch(() => {});
    };
    this.#stops.signal.addEventListener("abort", cancel, { once: true });
    if (this.#stops.signal.aborted) cancel();
    const view = this.#flags.quiet
      ? null
      : new TurnView({ screen: this.#screen, onText: (text) => this.#format.text?.(text) });
    try {
      for await (const event of turn) {
        this.#format.event?.(event);
        if (view !== null) view.show(event);
        else if (event.type === "ContentPart" && event.payload.type === "text") this.#format.text?.(event.payload.text);
      }
      const result = await turn.result;
      view?.close();
      return this.#end(client.session, turn.id, result);
    } catch (error) {
      view?.close();
      return this.#end(client.session, turn.id, turnFailure(error, this.#flags));
    }
  }

  #end(sessionId: string, turnId: string | null, ended: PromptResult | Failure): number {
    const failure = "exitCode" in ended ? ended : null;
    const stopped = stopCode(this.#stops);
    const { status } = ended;
    const error = failure === null || stopped !== null ? null : { code: failure.code, message: failure.message };
    const outcome = { sessionId, turnId, unknownEffects: this.#unknownEffects, error };
    this.#format.end({ ...outcome, status: stopped === null || status === "finished" ? status : "cancelled" });
    if (stopped !== null) return status === "finished" ? 0 : stopped;
    if (failure !== null) {
      this.#screen.line(failure.sentence);
      if (failure.exitCode === EXIT_RESUMABLE) this.#screen.line(say.resume(sessionId));
      return failure.exitCode;
    }
    if (ended.status === "max_steps_reached") this.#screen.line(turnMessages.maxSteps(ended.steps));
    return status === "finished" ? 0 : EXIT_FAILED;
  }

  #say(notice: string): void {
    this.#format.notice?.();
    this.#screen.line(notice, "dim");
  }

  #handlers(): HostHandlers {
    const envelope = this.#format.envelope;
    return {
      ...(envelope === undefined ? {} : { onEnvelope: envelope }),
      onApproval: async (request) => {
        const answer = policyAnswer(this.#flags.approve, request);
        if (answer.response === "reject" && !this.#flags.quiet) this.#screen.line(say.denied(request.description));
        return answer;
      },
      onState: (change) => {
        this.#unknownEffects.push(...change.unknownEffects);
        if (this.#flags.quiet) return;
        for (const notice of stateNotice(change)) this.#say(notice);
      },
    };
  }
}

function stopCode({ signal }: StopWatch): number | null {
  return signal.reason instanceof StopCode ? signal.reason.exitCode : null;
}

function isTold({ signal }: StopWatch): boolean {
  return signal.reason instanceof StopCode && signal.reason.bySignal;
}

/** Nothing is open yet, so nothing can be gone on with. */
function startFailure(error: unknown, flags: KernelFlags): Failure {
  const { code, message, exitCode } = clientFailure(error, flags);
  const isRefused = exitCode === EXIT_USAGE;
  const sentence = isRefused ? message : say.noKernel(message === "" ? code : message);
  return { code, message, sentence, exitCode: isRefused ? exitCode : EXIT_FAILED, status: "failed" };
}

function turnFailure(error: unknown, flags: KernelFlags): Failure {
  const { code, message, exitCode } = clientFailure(error, flags);
  const isOpen = exitCode === EXIT_RESUMABLE;
  const sentence = (isOpen ? say.interrupted : say.failed)(message === "" ? code : message);
  return { code, message, sentence, exitCode, status: isOpen ? "interrupted" : "failed" };
}
