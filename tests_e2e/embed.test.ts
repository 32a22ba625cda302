/** The package as a project sees it that has installed it: the example of README.md as printed, and the types. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeEach, expect, it } from "vitest";
import { say, script, shell } from "./echo-scripts.js";
import { kernelEnvironment } from "./kernel-process.js";
import { createWorkspace, type Workspace } from "./workspace.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const run = promisify(execFile);

/** The one block of TypeScript under its heading. */
function readmeExample(): string {
  const section = readFileSync(join(root, "README.md"), "utf8")
    .split("\n## ")
    .find((part) => part.startsWith("Embed the client"));
  const [, code] = /```ts\n([\s\S]*?)```/.exec(section ?? "") ?? [];
  if (code === undefined) throw new Error("README.md has no example of the client");
  return code;
}

let workspace: Workspace;

beforeEach(() => {
  workspace = createWorkspace({ scripts: [script(say("I greet."), shell("t1", "echo hello")), say("Done.")] });
  const modules = join(workspace.workDir, "node_modules");
  mkdirSync(modules);
  symlinkSync(root, join(modules, "wire-kernel"));
  symlinkSync(join(root, "node_modules", "@types"), join(modules, "@types"));
  writeFileSync(join(workspace.workDir, "package.json"), '{"type":"module"}');
  // Where a user has it: the share folder.
  cpSync(workspace.configFile, join(workspace.share, "config.json"));
});

it("X-010 the example of the README runs as printed", async () => {
  writeFileSync(join(workspace.workDir, "example.js"), readmeExample());
  const { stdout, stderr } = await run(process.execPath, ["example.js"], {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace),
  });
  expect(stderr).toBe("");
  expect(stdout.split("\n")).toEqual([
    "I greet.",
    "? Shell, run command: Run command `echo hello`",
    "= Command executed successfully.",
    "Done.",
    expect.stringMatching(/^finished [0-9a-f-]{36}$/),
    "",
  ]);
});

it("X-011 it compiles under the strictest rules against the shipped types, which lack nothing and hold no any", async () => {
  writeFileSync(join(workspace.workDir, "example.ts"), readmeExample());
  cpSync(join(root, "tests_e2e", "hosts", "public-types.ts"), join(workspace.workDir, "public-types.ts"));
  const strictest = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const modern = { module: "nodenext", target: "es2023", lib: ["es2023", "esnext.disposable"], types: ["node"] };
  const compilerOptions = { ...strictest, ...modern, verbatimModuleSyntax: true, noEmit: true };
  writeFileSync(join(workspace.workDir, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const compiled = run(process.execPath, [tsc, "-p", workspace.workDir]).catch((error: { stdout: string }) => error);
  expect((await compiled).stdout).toBe("");
});

it("G-310 a CommonJS project takes it by require, without a word on stderr", async () => {
  const script = `const { connectKernel } = require("wire-kernel");
    const { KernelProcessError } = require("wire-kernel/client");
    connectKernel({ args: ["--work-dir", process.cwd()], client: { name: "cjs", version: "1" }, handlers: {} }).then(
      async (client) => {
        const turn = client.prompt("go");
        console.log(typeof KernelProcessError, (await turn.result).status);
        await client.close();
      },
    );`;
  writeFileSync(join(workspace.workDir, "example.cjs"), script);
  const { stdout, stderr } = await run(process.execPath, ["example.cjs"], {
    cwd: workspace.workDir,
    env: kernelEnvironment(workspace),
  });
  expect({ stdout, stderr }).toEqual({ stdout: "function finished\n", stderr: "" });
});

it("G-311 what is shipped of the build is what is run and read", () => {
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  expect(files).toEqual(["bin/kernel.js", "dist", "wire-spec", "README.md", "CHANGELOG.md", "LICENSE"]);
  const kinds = { scripts: /\.(cjs|js|cache)$/, folders: /^(chunks|grammar|lib|types)$/ };
  const others = readdirSync(join(root, "dist")).filter(
    (name) => !Object.values(kinds).some((kind) => kind.test(name)),
  );
  expect(others).toEqual([]);
});
