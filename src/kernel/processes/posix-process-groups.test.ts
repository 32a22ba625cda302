import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProcessGroups } from "./posix-process-groups.js";
import type { ProcessExit, ProcessGroups, RunningProcess, SpawnRequest } from "./process-groups.js";
import { processStartTime } from "./process-start-time.js";

let processes: ProcessGroups;
let dir: string;

beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), "process-groups-")));
  processes = createProcessGroups();
});

afterEach(async () => {
  await processes.close();
  await rm(dir, { recursive: true, force: true });
});

const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };

/** Starts `bash -c script` and collects its output. */
async function start(script: string, extra: Partial<SpawnRequest> = {}) {
  const seen = { stdout: "", stderr: "", bytes: 0 };
  const running = await processes.spawn({
    argv: ["bash", "-c", script],
    cwd: dir,
    env,
    onOutput: (chunk, source) => {
      seen.bytes += chunk.length;
      if (seen.bytes < 100_000) seen[source] += chunk.toString();
    },
    ...extra,
  });
  return { running, seen };
}

async function run(script: string, extra: Partial<SpawnRequest> = {}) {
  const { running, seen } = await start(script, extra);
  const exit = await running.exited;
  return { ...seen, exit, running };
}

async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 5000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await delay(5);
  }
}

/** Pids of living processes (zombies excluded) of a group. */
async function membersOf(pgid: number): Promise<number[]> {
  const members: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(fields[2]) === pgid && fields[0] !== "Z") members.push(Number(name));
  }
  return members;
}

/** Ends one process that a test started; 0 or NaN would mean the test runner. */
function killEscaped(pid: string): void {
  if (!/^[1-9]\d+\n$/.test(pid)) throw new Error(`no pid: ${JSON.stringify(pid)}`);
  process.kill(Number(pid), "SIGKILL");
}

/** Milliseconds from kill() to its end; afterwards nothing of the group may live. */
async function killAndTime(running: RunningProcess): Promise<number> {
  const before = performance.now();
  await running.kill();
  const took = performance.now() - before;
  expect(await membersOf(running.pgid)).toEqual([]);
  return took;
}

const ok: ProcessExit = { code: 0, signal: null };

describe("a command", () => {
  it("runs in its folder with exactly its environment, as leader of its own session and group", async () => {
    const result = await run("pwd; echo $FOO; ps -o pid=,pgid=,sid= -p $$; echo oops >&2; exit 3", {
      env: { ...env, FOO: "bar" },
    });
    const { pgid } = result.running;
    const ids = new RegExp(`^${dir}\nbar\n *${pgid} +${pgid} +${pgid}\n$`);
    expect(result.stdout).toMatch(ids);
    expect(result.stderr).toBe("oops\n");
    expect(result.exit).toEqual({ code: 3, signal: null });
    expect(result.running.startTime).toMatch(/^\d+$/);
  });

  it("reads the end of its stdin at once, and has no terminal", async () => {
    const result = await run("read x; echo read:$?; cat | wc -c; (: < /dev/tty) 2>/dev/null; echo tty:$?");
    expect(result.stdout).toBe("read:1\n0\ntty:1\n");
  });

  it("reads its input on stdin to the last byte, then the end, and has no other descriptor", async () => {
    const input = `first line\n${"x".repeat(80_000)}\nlast, without an end`;
    const result = await run("cat; echo; ls /proc/self/fd | wc -l", { input });
    const plain = await run("ls /proc/self/fd | wc -l");
    expect(result.stdout).toBe(`${input}\n${plain.stdout}`);
    expect((await run("read -r a; echo $a", { input: "one\ntwo\n", mergeOutput: true })).stdout).toBe("one\n");
    expect((await run("cat /dev/stdin", { input: "by name" })).stdout).toBe("by name");
    expect(await run("wc -c", { input: "" })).toMatchObject({ stdout: "0\n", exit: ok });
  });

  it("may leave a large input unread", async () => {
    expect((await run("exit 4", { input: "x".repeat(5_000_000) })).exit).toEqual({ code: 4, signal: null });
  });

  it("gets no descriptor but its three", async () => {
    const result = await run("", { argv: ["ls", "-l", "/proc/self/fd"] });
    const plain = spawn("ls", ["-l", "/proc/self/fd"], { stdio: ["ignore", "pipe", "pipe"] });
    let expected = "";
    plain.stdout.on("data", (chunk: Buffer) => {
      expected += chunk.toString();
    });
    await once(plain, "close");
    const numbers = (listing: string) => [...listing.matchAll(/ (\d+) -> /g)].map((match) => match[1]);
    expect(numbers(result.stdout)).toEqual(numbers(expected));
    expect(result.stdout).toContain("0 -> /dev/null");
  });

  it("keeps the order of both outputs when they are merged", async () => {
    const result = await run("for i in 1 2 3; do echo out$i; echo err$i >&2; done", { mergeOutput: true });
    expect(result).toMatchObject({ stdout: "out1\nerr1\nout2\nerr2\nout3\nerr3\n", stderr: "" });
  });

  it("says which signal ended it", async () => {
    expect((await run("kill -SEGV $$")).exit).toEqual({ code: null, signal: "SIGSEGV" });
  });

  it("delivers 100 MB before it is over", async () => {
    const result = await run("head -c 100000000 /dev/zero");
    expect(result.bytes).toBe(100_000_000);
    expect(result.exit).toEqual(ok);
  });

  it("delivers its last words although the loop was busy when it ended", async () => {
    const { running, seen } = await start(`setsid sleep 32 & echo $! > ${dir}/pid; head -c 150000 /dev/zero`);
    const end = performance.now() + 200;
    while (performance.now() < end);
    await running.exited;
    expect(seen.bytes).toBe(150_000);
    killEscaped(await readFile(join(dir, "pid"), "utf8"));
  });

  it("survives a reader that throws", async () => {
    const result = await run("echo a; echo b", {
      onOutput: () => {
        throw new Error("reader");
      },
    });
    expect(result.exit).toEqual(ok);
  });
});

describe("a start that fails", () => {
  it.each([
    ["a missing program", { argv: ["no-such-program"] as const }, "ENOENT"],
    ["a missing path", { argv: ["./no-such-program"] as const }, "ENOENT"],
    ["an empty name", { argv: [""] as const }, "ENOENT"],
    ["a program that is not executable", { argv: ["/etc/passwd"] as const }, "EACCES"],
    ["a folder as program", { argv: ["/tmp"] as const }, "EACCES"],
    ["a missing working directory", { cwd: "/no/such/folder" }, "ENOENT"],
  ])("names the reason: %s", async (_name, extra, code) => {
    await expect(start("true", extra)).rejects.toMatchObject({ code });
  });

  it("says that the folder is missing, not the program", async () => {
    await expect(start("true", { cwd: "/no/such/folder" })).rejects.toThrow("working directory does not exist");
  });

  it("kills the gate when the caller's record of it fails", async () => {
    let pgid = 0;
    const failing = start(`echo ran > ${dir}/ran`, {
      onStarted: (started) => {
        pgid = started.pgid;
        throw new Error("journal full");
      },
    });
    await expect(failing).rejects.toThrow("journal full");
    expect(await membersOf(pgid)).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("the gate", () => {
  it("opens only after the group was reported", async () => {
    const file = join(dir, "ran");
    await run(`echo ran > ${file}`, {
      onStarted: ({ pgid, startTime }) => {
        // Blocks the loop: whatever the command could do by now, it would have done.
        const end = performance.now() + 60;
        while (performance.now() < end);
        expect(processStartTime(pgid)).toBe(startTime);
        expect(() => process.kill(pgid, 0)).not.toThrow();
      },
    });
    expect(await readdir(dir)).toEqual(["ran"]);
  });
});

describe("kill", () => {
  it.each([
    ["a plain command", "echo ready; sleep 30"],
    ["a shell with a pipeline", "echo ready; sleep 30 | cat | cat; echo never"],
    ["a command that ignores TERM", "trap '' TERM; echo ready; while :; do sleep 1; done"],
    [
      "children that ignore TERM under a leader that does not",
      "(trap '' TERM; echo ready; sleep 30; sleep 30) & sleep 30",
    ],
    ["a command that forks again and again", "f() { sleep 0.01; f & f & wait; }; echo ready; f"],
    ["a stopped command", "echo ready; kill -STOP $$"],
    ["a child that holds stdout", "echo ready; sleep 30 & exec 1>&- 2>&-; sleep 30"],
  ])("ends %s with its whole group within 100 ms", async (_name, script) => {
    const { running, seen } = await start(script);
    await until(() => seen.stdout === "ready\n", "the command is at work");
    // The promise is 100 ms; the rest is for a machine that is busy with other tests.
    expect(await killAndTime(running)).toBeLessThan(300);
    const exit = await running.exited;
    expect(exit.code === null || exit.code > 0).toBe(true);
  });

  it("is idempotent, and nothing is signalled when all is gone", async () => {
    const { running } = await start("sleep 30");
    await Promise.all([running.kill(), running.kill()]);
    await running.kill();
    expect((await running.exited).signal).toBe("SIGTERM");
    await running.kill();
  });

  it("lets a command end by itself on TERM", async () => {
    const { running, seen } = await start("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    await until(() => seen.stdout.includes("ready"), "trap is set");
    await running.kill();
    expect(await running.exited).toEqual({ code: 7, signal: null });
    expect(seen.stdout).toBe("ready\nbye\n");
  });
});

describe("the end of a command", () => {
  it("takes what it left in its group along, TERM-proof or not", async () => {
    const before = performance.now();
    const result = await run("(trap '' TERM; sleep 30) & sleep 30 & echo done");
    expect(performance.now() - before).toBeLessThan(1000);
    expect(result).toMatchObject({ stdout: "done\n", exit: ok });
    expect(await membersOf(result.running.pgid)).toEqual([]);
  });

  it("does not wait for a pipe that a process of another session holds", async () => {
    const before = performance.now();
    const result = await run("setsid sleep 31 & echo $!; exit 4");
    expect(performance.now() - before).toBeLessThan(1000);
    expect(result.exit).toEqual({ code: 4, signal: null });
    // The documented limit: it lives. This test ends it.
    killEscaped(result.stdout);
  });
});

describe("close", () => {
  it("kills what runs, ends the watchdog and refuses new commands", async () => {
    const { running, seen } = await start("trap '' TERM; echo ready; while :; do sleep 1; done");
    await until(() => seen.stdout !== "", "the command is at work");
    const before = performance.now();
    await Promise.all([processes.close(), processes.close()]);
    expect(performance.now() - before).toBeLessThan(500);
    expect(await membersOf(running.pgid)).toEqual([]);
    await expect(start("true")).rejects.toThrow("closing");
    expect(await childrenOf(process.pid, "tool-watchdog")).toEqual([]);
  });
});

async function childrenOf(parent: number, word: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) !== parent) continue;
    const commandLine = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (commandLine.includes(word) || word === "") found.push(Number(name));
  }
  return found;
}

describe("many commands", () => {
  it("leave no zombie, no descriptor and no listener behind", async () => {
    await run("true");
    const descriptors = (await readdir("/proc/self/fd")).length;
    const children = (await childrenOf(process.pid, "")).length;
    for (let i = 0; i < 200; i += 1) {
      const result = await run(i % 2 === 0 ? "true" : "echo x; exit 1");
      expect(result.exit.code).toBe(i % 2);
    }
    for (let i = 0; i < 10; i += 1) await start("true", { cwd: "/no/such/folder" }).catch(() => {});
    await until(async () => (await readdir("/proc/self/fd")).length <= descriptors, "descriptors are closed");
    expect((await childrenOf(process.pid, "")).length).toBe(children);
    for (const event of process.eventNames()) expect(process.listenerCount(event)).toBeLessThan(10);
  }, 30_000);

  it("run side by side", async () => {
    const results = await Promise.all(Array.from({ length: 12 }, (_, i) => run(`echo ${i}`)));
    expect(results.map((result) => result.stdout)).toEqual(Array.from({ length: 12 }, (_, i) => `${i}\n`));
  });
});

describe("the watchdog", () => {
  const kernels: ChildProcess[] = [];
  afterEach(() => {
    for (const kernel of kernels.splice(0)) kernel.kill("SIGKILL");
  });

  /** A small real kernel: starts three commands through the source under test, reports their groups and waits. */
  const kernelSource = (body: string) => `
    import { writeSync } from "node:fs";
    import { createProcessGroups } from ${JSON.stringify(fileURLToPath(new URL("posix-process-groups.ts", import.meta.url)))};
    const processes = createProcessGroups();
    const start = (script, onStarted) =>
      processes.spawn({ argv: ["bash", "-c", script], cwd: "/", env: process.env, onOutput() {}, onStarted });
    ${body}
    process.stdin.on("data", () => writeSync(1, "here\\n"));
    setInterval(() => {}, 1000);
  `;
  const twoCommands = `
    const done = await start("true");
    await done.exited;
    const running = await Promise.all([start("sleep 60"), start("trap '' TERM; sleep 60 & sleep 60; sleep 60")]);
    process.stdout.write(running.map((one) => one.pgid).join(" ") + "\\n");
  `;

  async function spawnKernel(body: string): Promise<ChildProcess> {
    const entry = join(dir, "kernel.mjs");
    await writeFile(join(dir, "entry.ts"), kernelSource(body));
    await build({
      entryPoints: [join(dir, "entry.ts")],
      outfile: entry,
      bundle: true,
      platform: "node",
      format: "esm",
    });
    const kernel = spawn(process.execPath, [entry], { detached: true, stdio: ["pipe", "pipe", "inherit"] });
    kernels.push(kernel);
    return kernel;
  }

  async function startKernel(): Promise<{ kernel: ChildProcess; groups: number[]; watchdog: number }> {
    const kernel = await spawnKernel(twoCommands);
    if (kernel.stdout === null) throw new Error("no stdout");
    const [line] = (await once(kernel.stdout, "data")) as [Buffer];
    const groups = line.toString().trim().split(" ").map(Number);
    const [watchdog] = await childrenOf(kernel.pid ?? 0, "tool-watchdog");
    if (watchdog === undefined || groups.length !== 2) throw new Error("the kernel under test did not start");
    return { kernel, groups, watchdog };
  }

  async function gone(groups: number[]): Promise<boolean> {
    return (await Promise.all(groups.map(membersOf))).flat().length === 0;
  }

  it("kills every running group after the kernel was killed, and goes", async () => {
    const { kernel, groups, watchdog } = await startKernel();
    for (const group of groups) expect(await gone([group])).toBe(false);
    kernel.kill("SIGKILL");
    await until(() => gone(groups), "groups are gone");
    await until(async () => (await membersOf(watchdog)).length === 0, "watchdog is gone");
  });

  it("outlives a signal to the kernel's group and signals to itself", async () => {
    const { kernel, groups, watchdog } = await startKernel();
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(watchdog, signal);
    expect(await membersOf(watchdog)).toEqual([watchdog]);
    process.kill(-(kernel.pid ?? Number.NaN), "SIGKILL");
    await until(() => gone(groups), "groups are gone");
  });

  it("is replaced when it is killed, and its successor knows the running groups", async () => {
    const { kernel, groups, watchdog } = await startKernel();
    // One that dies at once is not restarted by itself, so let it grow old enough.
    await delay(250);
    process.kill(watchdog, "SIGKILL");
    const kernelPid = kernel.pid ?? 0;
    await until(async () => {
      const now = await childrenOf(kernelPid, "tool-watchdog");
      return now.length === 1 && now[0] !== watchdog;
    }, "a successor runs");
    // It is visible before its starter has written the list; an answer shows that the starter went on behind that.
    if (kernel.stdout === null) throw new Error("no stdout");
    const answer = once(kernel.stdout, "data");
    kernel.stdin?.write("?");
    await answer;
    kernel.kill("SIGKILL");
    await until(() => gone(groups), "groups are gone");
  });

  it("lets no command act when the kernel dies before it opened the gate", async () => {
    const kernel = await spawnKernel(`
      await start("echo acted > ${dir}/acted", ({ pgid }) => {
        writeSync(1, pgid + "\\n");
        process.kill(process.pid, "SIGKILL");
        for (;;);
      });
    `);
    let pgid = "";
    kernel.stdout?.on("data", (chunk: Buffer) => {
      pgid += chunk.toString();
    });
    await once(kernel, "close");
    expect(pgid).toMatch(/^\d+\n$/);
    await until(() => gone([Number(pgid)]), "the gate is gone");
    expect(await readdir(dir)).not.toContain("acted");
  });

  it("is started again for the next command when it was killed", async () => {
    const { running, seen } = await start("echo ready; exec sleep 60");
    await until(() => seen.stdout !== "", "the command is at work");
    const [first] = await childrenOf(process.pid, "tool-watchdog");
    if (first === undefined) throw new Error("no watchdog");
    process.kill(first, "SIGKILL");
    await run("true");
    await until(async () => (await childrenOf(process.pid, "tool-watchdog"))[0] !== first, "another one runs");
    expect(await membersOf(running.pgid)).toHaveLength(1);
    await running.kill();
  });
});
