import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/**
 * The absolute path of a program, looked up as execvp does: names with a slash resolve against `cwd`, others in the
 * folders of `searchPath`. Throws an Error with code ENOENT (not there) or EACCES (there, but not executable).
 */
export function findProgram(name: string, searchPath: string, cwd: string): string {
  const candidates = name.includes("/")
    ? [resolve(cwd, name)]
    : searchPath.split(delimiter).map((folder) => join(resolve(cwd, folder), name));
  let code = "ENOENT";
  for (const candidate of name === "" ? [] : candidates) {
    const verdict = judge(candidate);
    if (verdict === "ok") return candidate;
    if (verdict === "EACCES") code = "EACCES";
  }
  const reason = code === "ENOENT" ? "program not found" : "program is not executable";
  throw Object.assign(new Error(`${reason}: ${name}`), { code, path: name });
}

function judge(path: string): "ok" | "ENOENT" | "EACCES" {
  try {
    if (!statSync(path).isFile()) return "EACCES";
    accessSync(path, constants.X_OK);
    return "ok";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EACCES" ? "EACCES" : "ENOENT";
  }
}
