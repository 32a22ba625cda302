/** The log file: private, appended to, rotated by size when it is opened, and free of secrets. */
import { closeSync, fchmodSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { makeFolder } from "../make-folder.js";

const MAX_BYTES = 5 * 1024 * 1024;
const KEEP = 3;
const REDACTED = "[redacted]";

export interface LogFile {
  /** Appends one line with its line break. Never throws: a full or vanished disk loses the line. */
  write(line: string): void;
  close(): void;
}

/**
 * Opens `file` for appending with mode 0600, making its folder; above `maxBytes` the old file becomes `.1` and at most
 * three old ones stay. `secrets` is read at every write. Gives null when the place cannot be written to.
 */
export function openLogFile(file: string, secrets: ReadonlySet<string>, maxBytes: number = MAX_BYTES): LogFile | null {
  let fd: number;
  try {
    makeFolder(path.dirname(file));
    rotate(file, maxBytes);
    fd = openSync(file, "a", 0o600);
    fchmodSync(fd, 0o600);
  } catch {
    return null;
  }
  let open = true;
  return {
    write: (line) => {
      if (!open) return;
      try {
        writeSync(fd, redact(line, secrets));
      } catch {
        // There is no better place to say so.
      }
    },
    close: () => {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}

function rotate(file: string, maxBytes: number): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxBytes) return;
  for (let n = KEEP; n >= 1; n -= 1) {
    const from = n === 1 ? file : `${file}.${n - 1}`;
    try {
      renameSync(from, `${file}.${n}`);
    } catch {
      // Not there yet, or another kernel was faster.
    }
  }
}

/** Replaces known secrets and what looks like a key. Works on the line as it is written. */
function redact(line: string, secrets: ReadonlySet<string>): string {
  let clean = line.replace(/\bBearer\s+[\w.~+/=-]{6,}/gi, `Bearer ${REDACTED}`).replace(/\bsk-[\w-]{8,}/g, REDACTED);
  for (const secret of secrets) {
    const written = JSON.stringify(secret).slice(1, -1);
    if (clean.includes(written)) clean = clean.replaceAll(written, REDACTED);
  }
  return clean;
}
