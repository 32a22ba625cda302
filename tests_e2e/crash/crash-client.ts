/** The client under test, as the crash harness sees it: whatever brings its kernels back. */

export interface CrashEnvelope {
  method: "event" | "request";
  type: string;
  payload: Record<string, unknown>;
}

/** What the host is asked; each must be called once for each id, however often the kernel dies. */
export interface CrashHandlers {
  /** Every event and request as it reaches the host. */
  onEnvelope(envelope: CrashEnvelope): void;
  onApproval(id: string): Promise<{ response: "approve" | "reject" }>;
  onQuestion(id: string): Promise<Record<string, string>>;
  /** The client's one tool. */
  onTool(id: string, args: Record<string, unknown>): Promise<string>;
  onHook(id: string): Promise<{ action: "allow" | "block" }>;
  /** A kernel is gone, or another one is there. */
  onState(state: { to: string; mode: string | null; unknownEffects: readonly string[]; cause: string | null }): void;
}

export interface CrashClientOptions {
  session: string;
  workDir: string;
  /** Flags of every kernel, without `--wire` and `--session`. */
  args: readonly string[];
  /** The whole environment of every kernel. */
  env: Readonly<Record<string, string>>;
  /** `all`: when the kernel has died twice, the next one runs in a thread of this process. */
  ladder: "sidecar" | "all";
  /** Every event comes twice over the wire. */
  stutter: boolean;
  /** Hooks to subscribe to, by event. */
  hooks: readonly string[];
  handlers: CrashHandlers;
}

export interface CrashClient {
  /** Resolves with the status of the turn; rejects when it failed. */
  prompt(text: string): Promise<string>;
  steer(text: string): Promise<void>;
  cancel(): Promise<void>;
  replay(): Promise<void>;
  /** Process id of the kernel of this moment; null for none, and for a thread. */
  pid(): number | null;
  close(): Promise<void>;
}

/** Starts a client; resolves when its kernel has answered initialize. */
export type CrashClientFactory = (options: CrashClientOptions) => Promise<CrashClient>;
