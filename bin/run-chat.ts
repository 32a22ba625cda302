/** `kernel chat`: starts a kernel for a person at a terminal, or for a script that plays one, and leaves in good order. */
import type { KernelFlags } from "../src/kernel/config/kernel-flags.js";
import { chatAnswers } from "./chat-answers.js";
import { ChatLoop } from "./chat-loop.js";
import { chatMessages as say } from "./chat-messages.js";
import { clientFailure, EXIT_FAILED, EXIT_RESUMABLE, EXIT_USAGE } from "./client-failure.js";
import { configTypos } from "./config-typos.js";
import type { HostClient } from "./host-client.js";
import { hostSession } from "./host-session.js";
import { LineInput } from "./line-input.js";
import { openClient } from "./open-client.js";
import { Screen } from "./screen.js";
import { stateNotice } from "./state-notice.js";
import { signalExitCode } from "./watch-process.js";

/**
 * Runs until the person leaves or the input ends. Gives the exit code: 0 then, 1 when no kernel could be started, 2 for
 * wrong usage or configuration, 75 when the kernel was lost in mid-turn, 128 + n when signal n ended it.
 */
export async function runChat(flags: KernelFlags, argv: readonly string[]): Promise<number> {
  if (flags.session === "") {
    process.stderr.write(`${say.nameSession}\n`);
    return EXIT_USAGE;
  }
  const screen = new Screen({ out: process.stdout, env: process.env });
  const stop = new AbortController();
  let leave: (code: number) => void = () => {};
  const left = new Promise<number>((resolve) => {
    leave = resolve;
  });
  const loop = new ChatLoop({ screen, leave, flags });
  const input = new LineInput({
    input: process.stdin,
    output: process.stdout,
    screen,
    onLine: (line) => loop.steer(line),
    onInterrupt: () => loop.interrupt(),
    onEnd: () => loop.interrupt(),
  });
  process.on("SIGINT", () => loop.interrupt());
  for (const name of ["SIGTERM", "SIGHUP"] as const) process.on(name, () => leave(signalExitCode(name)));
  // Nobody reads any more: there is nobody to talk to.
  process.stdout.on("error", () => leave(EXIT_FAILED));
  let hadSidecar = false;
  const open = async (): Promise<HostClient> =>
    await openClient({
      ...hostSession(flags, argv),
      planMode: true,
      signal: stop.signal,
      handlers: {
        ...chatAnswers({ screen, input, view: () => loop.view }),
        onState: (change) => {
          const notices = stateNotice(change);
          hadSidecar ||= change.mode === "sidecar";
          const tookOver = hadSidecar && change.mode === "in_process" && change.from !== "ready";
          if (tookOver && change.to === "ready") notices.push(say.asksAll);
          for (const notice of notices) input.showAbove(() => screen.line(notice, "dim"));
        },
      },
    });
  const talk = async (): Promise<number> => {
    let client: HostClient | null = null;
    void left.then(() => {
      if (client === null) stop.abort();
    });
    try {
      client = await open();
    } catch (error) {
      const { message, code, exitCode } = clientFailure(error, flags);
      const sentence = exitCode === EXIT_USAGE ? message : say.noKernel(message === "" ? code : message);
      if (!stop.signal.aborted) process.stderr.write(`${sentence}\n`);
      return exitCode === EXIT_RESUMABLE ? EXIT_FAILED : exitCode;
    }
    for (const typo of configTypos(flags)) input.showAbove(() => screen.line(typo));
    try {
      return await Promise.race([left, loop.run(client, input)]);
    } finally {
      if (loop.hasSpoken) screen.line(say.resume(client.session), "dim");
      await client.close();
    }
  };
  const talking = talk();
  try {
    return await Promise.race([talking, left.then((code) => within(talking, code))]);
  } finally {
    stop.abort();
    input.close();
  }
}

/** Told to leave: the farewell gets a moment, a hanging kernel does not hold anybody, least of all who pressed Ctrl-C. */
const FAREWELL_MS = 4_000;
const HASTY_FAREWELL_MS = 1_000;

function within(talking: Promise<number>, code: number): Promise<number> {
  return new Promise((resolve) => {
    const isHasty = code === signalExitCode("SIGINT");
    const timer = setTimeout(() => resolve(code), isHasty ? HASTY_FAREWELL_MS : FAREWELL_MS);
    talking.then(
      () => resolve(code),
      () => resolve(code),
    );
    talking.finally(() => clearTimeout(timer)).catch(() => {});
  });
}
