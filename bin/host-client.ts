/** What print mode, the chat and the demo need of a client: the part of the supervised client that they use. */
import type { HostHandlers } from "../src/client/host.js";
import type { KernelMode } from "../src/client/launcher.js";
import type { Event, InitializeResult, PromptResult } from "../src/wire/generated/types.gen.js";

/** One turn: iterate for its events, await `result` for its end. It runs whether or not anybody looks. */
export interface HostTurn extends AsyncIterable<Event> {
  /** null where the kernel gives turns no id. */
  readonly id: string | null;
  /** Rejects with a WireError when the turn fails, with a KernelProcessError when the kernel is gone for good. */
  readonly result: Promise<PromptResult>;
}

export interface HostClient {
  readonly session: string;
  readonly mode: KernelMode | null;
  readonly info: InitializeResult;
  /** A turn that was cut short before this client came. */
  readonly openTurn: { turnId: string } | null;
  prompt(input: string): HostTurn;
  /** Goes on with the open turn. */
  resume(): HostTurn;
  steer(input: string): Promise<unknown>;
  cancel(): Promise<unknown>;
  /** Ends the kernel in good order. Idempotent. */
  close(): Promise<unknown>;
}

export interface OpenOptions {
  session: string;
  /** Flags of every start, without `--wire` and `--session`. */
  args: readonly string[];
  /** Flags of the first start only. */
  firstArgs: readonly string[];
  /** null: as the environment or the configuration says. */
  kernel: "auto" | "sidecar" | "in-process" | null;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  client: { name: string; version: string };
  planMode: boolean;
  /** What a kernel that takes over inside this process does with `--yolo` and the like; see LadderOptions. */
  fallbackApprovals?: "ask" | "same";
  handlers: HostHandlers;
  /** Aborting it gives up the start, and closes the client later. */
  signal: AbortSignal;
}
