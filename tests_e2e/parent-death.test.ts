/** F5: whoever started `kernel --wire` dies, and somebody else holds the pipes. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type KernelProcess, startKernel } from "./kernel-process.js";
import { isAlive, processesWithMark, until } from "./process-scan.js";
import { shellTurn } from "./scripts.js";
import { onlySession, recordedTypes, sessionFolders } from "./session-files.js";
import { runTurn } from "./turn.js";
import { createWorkspace, type Workspace } from "./workspace.js";

/** The parent is a shell that starts the kernel and waits for it; around it is a process that holds all pipes and stays. */
const AROUND = [
  "sh",
  "-c",
  `exec 3<&0; sh -c 'exec 4<&0; "$@" <&4 & wait' parent "$@" <&3 & exec tail -f /dev/null`,
  "holder",
];
const RESUMES = { capabilities: { extensions: ["seq/1", "resume/1"] } };

interface Place {
  workspace: Workspace;
  kernel: KernelProcess;
  /** The kernel's own, once it runs. */
  pid(): number;
  parent(): number;
  mark: string;
}

let marks = 0;

function place(scripts: string[], more: { args?: string[]; env?: Record<string, string> } = {}): Place {
  const workspace = createWorkspace({ scripts });
  const mark = `parent-${process.pid}-${++marks}`;
  const args = ["--yolo", ...(more.args ?? [])];
  const kernel = startKernel(workspace, { args, through: AROUND, env: { ...more.env, E2E_MARK: mark } });
  onTestFinished(() => {
    for (const line of processesWithMark(mark)) process.kill(Number.parseInt(line, 10), "SIGKILL");
  });
  const own = () => processesWithMark(mark).filter((line) => / --wire /.test(line) && !/^\d+ sh /.test(line));
  const pid = () => Number.parseInt(own()[0] as string, 10);
  return { workspace, kernel, mark, pid, parent: () => parentOf(pid()) };
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
}

/** Kills the parent and waits until its kernel is gone too; it has 6 s. */
async function goneAfterParent({ parent, pid, mark }: Place): Promise<void> {
  const kernel = pid();
  process.kill(parent(), "SIGKILL");
  await until("the kernel is gone", () => !isAlive(kernel), 6_000);
  const isHolder = (line: string) => /^\d+ tail /.test(line);
  await until("so is what it started", () => processesWithMark(mark).every(isHolder), 3_000);
}

const logged = ({ share }: Workspace): string => readFileSync(join(share, "logs", "kernel.log"), "utf8");

it("B-310 F5 idle: the kernel is gone 6 s later at the latest, and nothing stays", async () => {
  const here = place([]);
  await here.kernel.initialize();
  await goneAfterParent(here);
  expect(sessionFolders(here.workspace)).toEqual([]);
  expect(logged(here.workspace)).toContain('"code":"parent_gone"');
});

it("B-311 F5 in mid-turn, Wire 1.10: the turn is cancelled and recorded as at the end of input, its command is gone", async () => {
  const here = place(shellTurn("echo $$ > started; sleep 60"));
  await here.kernel.initialize();
  here.kernel.request("prompt", { user_input: "go" });
  await until("the command runs", () => existsSync(join(here.workspace.workDir, "started")));
  await goneAfterParent(here);
  expect(recordedTypes(onlySession(here.workspace)).at(-1)).toBe("TurnEnd");
  await until("it says how to go on", () => here.kernel.stderr.includes("To resume this session"));
});

it("B-312 F5 in mid-turn, resume/1: the turn is left open for the next kernel", async () => {
  const args = ["--session", randomUUID()];
  const here = place(shellTurn("echo $$ > started; sleep 60"), { args });
  await here.kernel.initialize(RESUMES);
  here.kernel.request("prompt", { user_input: "go", client_id: "p" });
  await until("the command runs", () => existsSync(join(here.workspace.workDir, "started")));
  await goneAfterParent(here);
  expect(recordedTypes(onlySession(here.workspace))).not.toContain("TurnEnd");
  const next = startKernel(here.workspace, { args });
  expect((await next.initialize(RESUMES)).result).toMatchObject({ open_turn: { client_id: "p" } });
});

it.each([
  ["KERNEL_PARENT_WATCH=off", { KERNEL_PARENT_WATCH: "off" }, "after"],
  ["a parent that was gone before the client came", {}, "before"],
])("B-313 F5 %s: the kernel serves on, and ends with its input", async (_what, env, when) => {
  const here = place(shellTurn("sleep 5; echo ran > ran"), { env });
  const { kernel } = here;
  // From here on it knows who has started it.
  kernel.raw("nonsense\n");
  await kernel.response(null);
  const [pid, parent] = [here.pid(), here.parent()];
  const orphan = async () => {
    process.kill(parent, "SIGKILL");
    await until("it has another parent", () => here.parent() !== parent);
  };
  if (when === "before") await orphan();
  await kernel.initialize();
  if (when === "after") await orphan();
  // Longer than anybody needs to notice.
  expect((await runTurn(kernel, "go")).response.result).toEqual({ status: "finished" });
  expect(existsSync(join(here.workspace.workDir, "ran"))).toBe(true);
  expect(logged(here.workspace)).not.toContain("parent_gone");
  kernel.child.stdin.end();
  await until("the kernel is gone", () => !isAlive(pid), 6_000);
});
