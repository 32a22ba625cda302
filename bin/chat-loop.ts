/** The conversation of the chat: lines in, turns out. Knows what Ctrl-C means at each moment. */

import { chatMessages as say } from "./chat-messages.js";
import { clientFailure, isProcessError } from "./client-failure.js";
import type { AdviceFlags } from "./failure-advice.js";
import type { HostClient, HostTurn } from "./host-client.js";
import type { LineInput } from "./line-input.js";
import type { Screen } from "./screen.js";
import { turnMessages } from "./turn-messages.js";
import { TurnView } from "./turn-view.js";
import { signalExitCode } from "./watch-process.js";

/** What the loop needs of a LineInput. */
export type ChatInput = Pick<LineInput, "next" | "isTerminal" | "showAbove">;

const LEAVE = new Set(["/exit", "/quit"]);

export interface ChatLoopOptions {
  screen: Screen;
  flags: AdviceFlags;
  /** Ends the chat at once with this exit code. */
  leave(code: number): void;
}

/** One chat. Nothing of it may be used after `run` has ended. */
export class ChatLoop {
  readonly #screen: Screen;
  readonly #flags: AdviceFlags;
  readonly #leave: (code: number) => void;
  #client: HostClient | null = null;
  #input: ChatInput | null = null;
  #view: TurnView | null = null;
  #cancelling = false;
  /** One Ctrl-C at an empty prompt has come. */
  #armed = false;
  #hasSpoken = false;
  /** Set when the person does not want to wait for the end of the turn. */
  #hasLeft = false;

  constructor({ screen, flags, leave }: ChatLoopOptions) {
    this.#screen = screen;
    this.#flags = flags;
    this.#leave = leave;
  }

  /** Of the turn that runs. */
  get view(): TurnView | null {
    return this.#view;
  }

  /** Whether the session holds something worth coming back to. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  /** Until the input ends or the person leaves. Gives the exit code. */
  async run(client: HostClient, input: ChatInput): Promise<number> {
    this.#client = client;
    this.#input = input;
    const { name, version } = client.info.server;
    this.#screen.line(say.hello(name, version, client.session), "dim");
    const lostAtOnce = client.openTurn === null ? null : await this.#offerResume(client, input);
    if (lostAtOnce !== null) return lostAtOnce;
    for (;;) {
      const text = await this.#nextPrompt(input);
      if (text === null || LEAVE.has(text.trim())) return 0;
      this.#armed = false;
      if (text.trim() === "") continue;
      if (text.trim() === "/help") {
        this.#screen.line(say.help(client.info.slash_commands));
        continue;
      }
      const lost = await this.#runTurn(client.prompt(text));
      if (lost !== null) return lost;
      if (this.#hasLeft) return signalExitCode("SIGINT");
    }
  }

  /** Typed unasked: given to the turn that runs. False when there is none. */
  steer(line: string): boolean {
    if (this.#view === null || this.#client === null) return false;
    this.#client.steer(line).catch(() => this.#screen.line(say.steerTooLate, "red"));
    return true;
  }

  /** Ctrl-C: ends the turn; a second one leaves. At an empty prompt the first one only warns. */
  interrupt(): void {
    if (this.#view !== null) {
      if (this.#cancelling) {
        this.#hasLeft = true;
        this.#leave(signalExitCode("SIGINT"));
        return;
      }
      this.#cancelling = true;
      this.#screen.line(turnMessages.stopping, "dim");
      // Too late, or the kernel is gone: the end of the turn tells.
      this.#client?.cancel().catch(() => {});
    } else if (this.#armed || this.#input?.isTerminal !== true) {
      if (this.#armed) this.#screen.line("");
      this.#leave(this.#armed ? 0 : signalExitCode("SIGINT"));
    } else {
      this.#armed = true;
      this.#input.showAbove(() => this.#screen.line(say.again, "dim"));
    }
  }

  async #nextPrompt(input: ChatInput): Promise<string | null> {
    let text = "";
    for (;;) {
      const line = await input.next(say.prompt);
      if (line === null) return text === "" ? null : text;
      if (!line.endsWith("\\")) return text + line;
      text += `${line.slice(0, -1)}\n`;
    }
  }

  async #offerResume(client: HostClient, input: ChatInput): Promise<number | null> {
    if (!input.isTerminal) this.#screen.line(say.askResume.trim());
    const answer = (await input.next(say.askResume))?.trim().toLowerCase();
    if (answer === "y" || answer === "yes") return await this.#runTurn(client.resume());
    this.#screen.line(say.leftOpen, "dim");
    return null;
  }

  /** Gives an exit code when there is no kernel to go on with. */
  async #runTurn(turn: HostTurn): Promise<number | null> {
    this.#hasSpoken = true;
    this.#cancelling = false;
    const view = new TurnView({ screen: this.#screen });
    this.#view = view;
    try {
      for await (const event of turn) view.show(event);
      const result = await turn.result;
      view.close();
      if (result.status === "cancelled") this.#screen.line(turnMessages.cancelled, "dim");
      if (result.status === "max_steps_reached") this.#screen.line(turnMessages.maxSteps(result.steps), "dim");
      return null;
    } catch (error) {
      view.close();
      return this.#report(error);
    } finally {
      this.#view = null;
    }
  }

  #report(error: unknown): number | null {
    const { message, exitCode } = clientFailure(error, this.#flags);
    const isGone = isProcessError(error) && error.code !== "turn_broken" && error.code !== "turn_quarantined";
    this.#screen.line(isGone ? say.gone(message) : say.failed(message), "red");
    return isGone ? exitCode : null;
  }
}
