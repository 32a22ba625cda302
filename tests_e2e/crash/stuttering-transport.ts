/** A FAULT: a wire on which every event comes twice, as it may when what was sent is sent again. */
import { pipeline, Transform } from "node:stream";
import type { Launched } from "wire-kernel";

const EVENT = /^\{"jsonrpc":"2\.0","method":"event"/;

/** The same kernel over such a wire. */
export function stuttering(launched: Launched): Launched {
  const { transport, pid, exited } = launched;
  const readable = pipeline(transport.readable, twice(), () => {});
  const stuttered = { readable, writable: transport.writable, close: () => transport.close() };
  return { transport: stuttered, pid, exited, stop: () => launched.stop(), kill: () => launched.kill() };
}

function twice(): Transform {
  let rest = "";
  const line = (text: string) => (EVENT.test(text) ? `${text}${text}` : text);
  return new Transform({
    // Bytes, so that a character that two reads share stays whole.
    transform: (chunk: Buffer, _encoding, done) => {
      const lines = (rest + chunk.toString("latin1")).split(/(?<=\n)/);
      rest = lines.at(-1)?.endsWith("\n") === true ? "" : (lines.pop() ?? "");
      done(null, Buffer.from(lines.map(line).join(""), "latin1"));
    },
    flush: (done) => done(null, Buffer.from(rest, "latin1")),
  });
}
