/**
 * Sees to it that a kernel does not outlive its host, however that ends. A kernel ends by itself when its stdin does;
 * one that hangs or is stopped does not. One small `sh` holds a pipe of the host: when it closes, the guard gives the
 * kernel's group some seconds and kills what is left of it then.
 */
import { spawn } from "node:child_process";
import { Socket } from "node:net";

/** The kernel's own limit for its end is two and a half seconds. `kill -s` because dash takes no `--` after `-KILL`. */
const SCRIPT = `
trap '' TERM INT HUP QUIT PIPE
while read -r _; do :; done
for _ in 1 2 3 4 5; do
  kill -s 0 -- "-$1" 2>/dev/null || exit 0
  sleep 1
done
kill -s KILL -- "-$1" 2>/dev/null
`;

/**
 * Guards the group until the function it gives is called: call it when the leader is gone. Never throws; without a
 * `sh` nothing is guarded.
 */
export function guardAgainstOrphans(group: number): () => void {
  if (process.platform === "win32") return () => {};
  try {
    const guard = spawn("/bin/sh", ["-c", SCRIPT, "kernel-guard", String(group)], {
      cwd: "/",
      detached: true,
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    guard.on("error", () => {});
    guard.stdin.on("error", () => {});
    // A host that has nothing else to do may end.
    guard.unref();
    if (guard.stdin instanceof Socket) guard.stdin.unref();
    return () => void guard.kill("SIGKILL");
  } catch {
    return () => {};
  }
}
