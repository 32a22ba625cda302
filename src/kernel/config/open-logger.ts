/** The kernel's log: a file in the share folder, written through pino, which is loaded after the kernel has started. */
import path from "node:path";
import type { Logger as PinoLogger } from "pino";
import type { Logger } from "../logger.js";
import { type LogFile, openLogFile } from "./log-file.js";

export interface FileLogger extends Logger {
  /** Where the records go; it exists after the first flush. */
  readonly file: string;
  /** Keeps a value (of at least 6 characters) out of everything that is written from now on. */
  hide(secret: string): void;
  /** Writes what is buffered and closes the file. Idempotent, never throws; later records are dropped. */
  close(): Promise<void>;
}

export interface OpenLoggerOptions {
  shareDir: string;
  level: "debug" | "info";
  /** Milliseconds that records are held back, so that loading pino does not delay the first answer. Default 1,000. */
  delayMs?: number;
  /** Size in bytes above which the file is rotated when it is opened. Default 5 MiB. */
  rotateAbove?: number;
}

type Level = "debug" | "info" | "warn" | "error";
interface LogRecord {
  level: Level;
  fields: object;
  message: string;
}

const MAX_BUFFERED = 1_000;
const SHORTEST_SECRET = 6;
const secretKeys = ["api_key", "apiKey", "authorization", "Authorization", "password", "token", "access_token"];

/**
 * Opens the log of one kernel. Nothing is read or written before the first record is due. Records that come earlier
 * are kept, up to 1,000. Never throws; where the share folder cannot be written to the log is silent.
 */
export function openLogger({ shareDir, level, delayMs = 1_000, rotateAbove }: OpenLoggerOptions): FileLogger {
  const file = path.join(shareDir, "logs", "kernel.log");
  const secrets = new Set<string>();
  let buffered: LogRecord[] = [];
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let sink: ((record: LogRecord) => void) | null = null;
  let loading: Promise<void> | null = null;
  let logFile: LogFile | null = null;
  let closed = false;

  const load = async (): Promise<void> => {
    clearTimeout(timer);
    try {
      logFile = openLogFile(file, secrets, rotateAbove);
      sink = logFile === null ? () => {} : await pinoSink(logFile, level);
    } catch {
      sink = () => {};
    }
    for (const record of buffered) sink(record);
    if (dropped > 0) sink({ level: "warn", fields: { dropped }, message: "records were lost before the log was open" });
    buffered = [];
  };

  const record = (recordLevel: Level, fields: object, message: string): void => {
    if (closed || (recordLevel === "debug" && level !== "debug")) return;
    const timed = { level: recordLevel, fields: withTime(fields), message };
    if (sink !== null) {
      sink(timed);
      return;
    }
    if (buffered.length < MAX_BUFFERED) buffered.push(timed);
    else dropped += 1;
    timer ??= setTimeout(() => {
      loading ??= load();
    }, delayMs).unref();
  };

  return {
    file,
    debug: (fields, message) => record("debug", fields, message),
    info: (fields, message) => record("info", fields, message),
    warn: (fields, message) => record("warn", fields, message),
    error: (fields, message) => record("error", fields, message),
    hide: (secret) => {
      if (secret.length >= SHORTEST_SECRET) secrets.add(secret);
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      if (buffered.length > 0) loading ??= load();
      await loading;
      logFile?.close();
    },
  };
}

function withTime(fields: object): object {
  const time = new Date().toISOString();
  try {
    return { time, ...fields };
  } catch {
    return { time, unreadable: true };
  }
}

async function pinoSink(file: LogFile, level: Level): Promise<(record: LogRecord) => void> {
  // A bundle of this CommonJS package has the default export only.
  const { default: pino } = await import("pino");
  const logger: PinoLogger = pino(
    {
      level,
      base: { pid: process.pid },
      // Buffered records carry the time at which they were made.
      timestamp: false,
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: "[redacted]" },
      serializers: { error: pino.stdSerializers.err },
      formatters: { level: (label) => ({ level: label }) },
    },
    file,
  );
  return (record) => {
    try {
      logger[record.level](record.fields, record.message);
    } catch {
      // A record that cannot be written must not stop the kernel.
    }
  };
}
