/** What a kernel is given, what it gives back, and what stands behind its wire. */
import type { FramingName } from "../wire/framing.js";
import type { ExtensionName } from "../wire/generated/extensions.gen.js";
import type { Transport } from "../wire/transport.js";
import type { LoadedAgent } from "./agent-spec/loaded-agent.js";
import type { KernelConfig, ResolvedModel } from "./config/config.js";
import type { WireCompat } from "./config/wire-compat.js";
import type { FailingKernel } from "./failing-kernel.js";
import type { Logger } from "./logger.js";
import type { Session } from "./session/session.js";
import type { SessionResume } from "./session/session-resume.js";
import type { ExternalTools } from "./tools/external-tool.js";
import type { SentRecord } from "./turn/event-sink.js";
import type { Waits } from "./waits.js";

export interface KernelOptions {
  transport: Transport;
  framing: FramingName;
  /** The age of the client's knowledge of the wire, when it cannot take more; null for all of 1.10. */
  wireCompat: WireCompat | null;
  config: KernelConfig;
  /** null when no usable model is configured; prompts then answer "LLM is not set". */
  model: ResolvedModel | null;
  flags: {
    workDir: string;
    addDirs: readonly string[];
    session: string | null;
    continue: boolean;
    afk: boolean;
    /** Neither yolo nor afk holds, wherever they come from. */
    askAlways: boolean;
    plan: boolean;
    configFile: string | null;
    /** Documents with `mcpServers`; a later one replaces servers of the same name. */
    mcpConfigs: readonly Readonly<Record<string, unknown>>[];
    /** False: mcp.json of the share folder counts too, before them. */
    mcpFileGiven: boolean;
    skillsDirs: readonly string[];
  };
  /** null for the default agent. */
  agent: LoadedAgent | null;
  /** The environment of this kernel; a copy, never the live one of the process. */
  env: Readonly<Record<string, string | undefined>>;
  shareDir: string;
  logger: Logger;
  version: string;
  /** Aborts when the process has to stop. */
  signal: AbortSignal;
  /** Bytes of memory that the kernel holds, for its heartbeat; not known when missing. */
  rss?: (() => number) | undefined;
  /** Bytes of a write under way that the system has not taken; without it nobody asks whether the client reads. */
  unsent?: (() => number) | undefined;
  /** Called each time that the client has introduced itself. */
  onIntroduced?: (() => void) | undefined;
  /** Set for a kernel that is to fail on purpose, in tests of its hosts. */
  failPoints?: FailingKernel | null;
}

export interface KernelOutcome {
  /** null when nothing was ever opened. */
  sessionId: string | null;
  /** True when a turn was cut short by the end. */
  turnInterrupted: boolean;
  /** True when there is something to resume. */
  resumable: boolean;
}

/** How the client named itself in initialize. */
export interface ClientName {
  name: string;
  version?: string;
}

/** What the client said that it can show; nothing until it says so. */
export interface ClientCapabilities {
  question: boolean;
  planMode: boolean;
  /** The additions to Wire 1.10 that it asked for and that are on. */
  extensions: ReadonlySet<ExtensionName>;
}

/** Everything behind the wire; built by `kernel-runtime.ts`. */
export interface KernelRuntime {
  readonly session: Session;
  readonly externalTools: ExternalTools;
  readonly resume: SessionResume;
  readonly waits: Waits;
  /** True from the moment a prompt is taken until its TurnEnd. */
  turnRuns(): boolean;
  /** The approvals that wait for an answer, to be sent again to a client that initialises anew. */
  openApprovals(): SentRecord[];
  /** Loads what the first prompt will need. Never throws. */
  warmUp(): Promise<void>;
  /** Ends turns and processes and closes the storage. Never throws. */
  close(): Promise<KernelOutcome>;
}
