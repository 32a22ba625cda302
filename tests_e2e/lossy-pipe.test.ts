/** The real kernel behind a pipe that loses lines of it: its events reach the host once and in order all the same. */
import { Transform } from "node:stream";
import { expect, it, onTestFinished } from "vitest";
import { type Event, KernelClient, type KernelLauncher, sidecarLauncher } from "../src/client/index.js";
import { say, script, shell } from "./echo-scripts.js";
import { kernelCommand, kernelEnvironment } from "./kernel-process.js";
import { createWorkspace } from "./workspace.js";

/** Passes whole lines on, but for the first one that matches each pattern. */
function losing(patterns: RegExp[]): Transform {
  let rest = "";
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      const kept = lines.filter((line) => {
        const lost = patterns.findIndex((pattern) => pattern.test(line));
        if (lost !== -1) patterns.splice(lost, 1);
        return lost === -1;
      });
      done(null, Buffer.from(kept.map((line) => `${line}\n`).join(""), "latin1"));
    },
  });
}

function lossy(launcher: KernelLauncher, patterns: RegExp[]): KernelLauncher {
  return {
    mode: launcher.mode,
    launch: async (request) => {
      const launched = await launcher.launch(request);
      const readable = launched.transport.readable.pipe(losing(patterns));
      return { ...launched, transport: { ...launched.transport, readable } };
    },
  };
}

/** One turn of two deltas and a command that waits for its approval. Gives the types in the order in which they came. */
async function turnOver(patterns: RegExp[]) {
  const workspace = createWorkspace({ scripts: [script(say("one "), say("two "), shell("c1", "true")), say("end")] });
  const [program, ...head] = kernelCommand();
  const command = [program as string, ...head] as const;
  const sidecar = sidecarLauncher({ command, cwd: workspace.workDir, env: kernelEnvironment(workspace) });
  const heard: string[] = [];
  const sofar: string[] = [];
  const note = ({ type, payload }: Event): void =>
    void heard.push(type === "ContentPart" && payload.type === "text" ? payload.text : type);
  const client = await KernelClient.connect({
    launchers: [lossy(sidecar, patterns)],
    args: ["--config-file", workspace.configFile, "--work-dir", workspace.workDir],
    client: { name: "e2e" },
    handlers: {
      onEvent: note,
      onApproval: async () => {
        // The turn goes on when the host has heard what it says so far.
        await expect.poll(() => heard, { timeout: 10_000 }).toContain("two ");
        sofar.push(...heard);
        return { response: "approve" };
      },
    },
  });
  onTestFinished(() => client.close());
  const turn = client.prompt("go");
  const iterated: string[] = [];
  for await (const { type } of turn) iterated.push(type);
  expect(await turn.result).toEqual({ status: "finished" });
  expect(iterated).toHaveLength(heard.length);
  return { heard, sofar, left: patterns };
}

const whole = (heard: string[]) => heard.filter((type) => type !== "StatusUpdate" && type !== "ToolCallPart");
const TURN = [
  ...["TurnBegin", "StepBegin", "one ", "two ", "ToolCall", "ApprovalResponse", "ToolResult"],
  ...["StepBegin", "end", "TurnEnd"],
];

it.each([
  ["one delta", [/"text":"one "/]],
  ["two lines", [/"type":"StepBegin"/, /"text":"two "/]],
  ["the end of the turn", [/"type":"TurnEnd"/]],
])("V-301 a pipe that loses %s: the host hears it all the same, once and in order", async (_what, patterns) => {
  const { heard, left } = await turnOver([...patterns]);
  expect(left).toEqual([]);
  expect(whole(heard)).toEqual(TURN);
});

it("V-302 what was lost is there while the turn runs, before it goes on", async () => {
  const { sofar } = await turnOver([/"text":"one "/]);
  expect(sofar.slice(0, 4)).toEqual(["TurnBegin", "StepBegin", "one ", "two "]);
});
