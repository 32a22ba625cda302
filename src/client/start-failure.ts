/** Why a kernel could not be started, in words. */
import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { KernelProcessError } from "./errors.js";
import { isForeignProgram, whyNotRunnable } from "./program-file.js";

export interface StartPlace {
  program: string;
  cwd: string;
}

/** Throws KernelProcessError `spawn_failed` when the program is made for another machine. */
export function refuseForeignProgram({ program }: StartPlace): void {
  if (isAbsolute(program) && isForeignProgram(program)) {
    throw failed(program, "it is made for another kind of processor", "ENOEXEC");
  }
}

/**
 * The error for a host from what the system said. `data.reason` is the system's word; `data.cwd` is there when the
 * folder is at fault.
 */
export function startFailure(error: unknown, { program, cwd }: StartPlace): KernelProcessError {
  const reason = String((error as { code?: unknown } | null)?.code ?? "UNKNOWN");
  // The system names the program even when it is the folder that is missing.
  const folder = folderFailure(cwd, error);
  if (folder !== null) return folder;
  switch (reason) {
    case "ENOENT":
      if (isAbsolute(program) && whyNotRunnable(program) === null) {
        return failed(program, "the program that its first line names is not there", reason, error);
      }
      return new KernelProcessError("not_found", `There is no kernel at ${program}.`, {
        cause: error,
        data: { reason, program },
      });
    case "EACCES":
      return isAbsolute(program) && whyNotRunnable(program) === "EISDIR"
        ? failed(program, "it is a folder", "EISDIR", error)
        : failed(program, "it is not executable", reason, error);
    case "ENOEXEC":
      return failed(program, "it is no program of this machine", reason, error);
    default:
      return failed(program, error instanceof Error ? error.message : reason, reason, error);
  }
}

/** `spawn_failed` with `data.cwd` when this is no folder to start in, else null. `cause` is what the system said. */
export function folderFailure(cwd: string, cause?: unknown): KernelProcessError | null {
  const reason = folderFault(cwd);
  if (reason === null) return null;
  const sentence = `The kernel cannot start in ${cwd}: ${reason === "ENOTDIR" ? "it is no folder" : "it is not there"}.`;
  return new KernelProcessError("spawn_failed", sentence, { cause, data: { reason, cwd } });
}

function failed(program: string, why: string, reason: string, cause?: unknown): KernelProcessError {
  return new KernelProcessError("spawn_failed", `Cannot start ${program}: ${why}.`, {
    cause,
    data: { reason, program },
  });
}

function folderFault(cwd: string): string | null {
  try {
    return statSync(cwd).isDirectory() ? null : "ENOTDIR";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "ENOENT";
  }
}
