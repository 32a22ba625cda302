/** A transport that fails at what the client has just written, and at what it has just been sent. */
import { Transform, type Writable } from "node:stream";
import type { Transport } from "../wire/transport.js";
import type { FailPointName } from "./fail-point-plan.js";
import type { FailPoints } from "./fail-points.js";

const ASKED: Readonly<Record<string, FailPointName>> = {
  ApprovalRequest: "approval_asked",
  HookRequest: "hook_asked",
  QuestionRequest: "question_asked",
  ToolCallRequest: "client_tool_asked",
};

interface Seen {
  method?: unknown;
  params?: { type?: unknown };
  result?: { protocol_version?: unknown } | null;
}

/** The same transport: `close` of either closes both. The streams of the given one are changed. */
export function failingTransport(transport: Transport, points: FailPoints): Transport {
  /** A replay was asked for and nothing has been sent in answer. */
  let replaying = false;
  const readable = transport.readable.pipe(
    new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        points.hit("before_initialize");
        replaying ||= /"method":\s*"replay"/.test(chunk.toString("latin1"));
        done(null, chunk);
      },
    }),
  );
  const sent = (line: string): void => {
    const name = placeOf(line);
    if (name !== null) points.hit(name);
    if (replaying) points.hit("replay");
    replaying = false;
  };
  failBehindLines(transport.writable, sent);
  return {
    readable,
    writable: transport.writable,
    close: async () => {
      await transport.close();
      readable.destroy();
    },
  };
}

/** Lines that are written together are written one by one, and `sent` runs when a line has been handed over. */
function failBehindLines(writable: Writable, sent: (line: string) => void): void {
  const write = writable.write.bind(writable) as (text: string, encoding: string, done?: Done) => boolean;
  const writeLines = (text: string, encoding: string, done?: Done): boolean => {
    const lines = text.split(/(?<=\n)/);
    const last = lines.pop() ?? "";
    for (const line of lines) {
      write(line, encoding);
      sent(line);
    }
    const more = write(last, encoding, done);
    sent(last);
    return more;
  };
  writable.write = writeLines as Writable["write"];
}

type Done = (error?: Error | null) => void;

function placeOf(line: string): FailPointName | null {
  const message = parsed(line);
  if (message?.method === "request") return ASKED[String(message.params?.type)] ?? null;
  if (message?.method === "event") return message.params?.type === "TurnEnd" ? "turn_ended" : null;
  return message?.result?.protocol_version === undefined ? null : "idle";
}

function parsed(line: string): Seen | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}
