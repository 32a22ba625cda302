/**
 * The little that vscode-jsonrpc's common part asks of its surroundings: timers and a console. Its own Node layer would
 * load net, child_process and crypto before the first message, for transports that are not used here.
 */

interface Disposable {
  dispose(): void;
}

type Callback = (...args: unknown[]) => void;

/** Fits the library's RAL. Reading and writing bytes is not its business here, so those parts throw. */
export const rpcRuntime = {
  crypto: { randomUUID: (): string => crypto.randomUUID() },
  applicationJson: {
    encoder: { name: "application/json", encode: notUsed },
    decoder: { name: "application/json", decode: notUsed },
  },
  messageBuffer: { create: notUsed },
  // Silence: stdout and stderr belong to the protocol and to the command.
  console: { info: ignore, log: ignore, warn: ignore, error: ignore },
  timer: {
    setTimeout(callback: Callback, ms: number, ...args: unknown[]): Disposable {
      const handle = setTimeout(callback, ms, ...args);
      return { dispose: () => clearTimeout(handle) };
    },
    setImmediate(callback: Callback, ...args: unknown[]): Disposable {
      const handle = setImmediate(callback, ...args);
      return { dispose: () => clearImmediate(handle) };
    },
    setInterval(callback: Callback, ms: number, ...args: unknown[]): Disposable {
      const handle = setInterval(callback, ms, ...args);
      return { dispose: () => clearInterval(handle) };
    },
  },
};

function notUsed(): never {
  throw new Error("Framing does not belong to the RPC library");
}

function ignore(): void {}
