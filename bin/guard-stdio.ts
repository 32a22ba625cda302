/** Keeps stdout for the protocol and stderr for sentences, whatever else runs in the process. */
import { type Readable, Writable } from "node:stream";
import { unsentBytes } from "./unsent-bytes.js";

export interface GuardedStdio {
  stdin: Readable;
  /** The real stdout, for the protocol alone. */
  stdout: Writable;
  /** Bytes of the write to it under way that the system has not taken; 0 where the stream does not tell. */
  unsent(): number;
  /** Writes sentences for a person to the real stderr. */
  say(text: string): void;
}

/**
 * Takes the real streams away from everyone else: from now on `process.stdout`, `process.stderr` and the console lead
 * to `onStray`. A reader that goes away (EPIPE) is no crash. To be called once, before other code is loaded.
 */
export function guardStdio(onStray: (source: "stdout" | "stderr", text: string) => void): GuardedStdio {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {});
  for (const source of ["stdout", "stderr"] as const) {
    const stray = new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        onStray(source, String(chunk));
        done();
      },
    });
    Object.defineProperty(process, source, { value: stray, configurable: true, enumerable: true });
  }
  return { stdin, stdout, unsent: () => unsentBytes(stdout), say: (text) => stderr.write(`${text}\n`) };
}
