/** Lines of an input that is no terminal. Node's own reader splits at U+2028 too, from Node 24 on. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

export interface PipedLinesOptions {
  onLine(line: string): void;
  /** Called once: when the input has ended or failed, or the reading was stopped. */
  onEnd(): void;
}

/** Gives each line that LF or CRLF ends, and what stands behind the last one. The result stops the reading. */
export function readPipedLines(input: Readable, { onLine, onEnd }: PipedLinesOptions): () => void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let isOver = false;
  const give = (line: string): void => onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
  const take = (chunk: Buffer | string): void => {
    const [first = "", ...more] = (typeof chunk === "string" ? chunk : decoder.write(chunk)).split("\n");
    rest += first;
    for (const next of more) {
      give(rest);
      rest = next;
    }
  };
  const stop = (): void => {
    if (isOver) return;
    isOver = true;
    input.off("data", take).pause();
    onEnd();
  };
  input.on("data", take);
  input.once("error", stop);
  input.once("end", () => {
    if (isOver) return;
    rest += decoder.end();
    if (rest !== "") give(rest);
    stop();
  });
  return stop;
}
