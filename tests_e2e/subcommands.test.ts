/** The commands beside the modes: their help, and a mistake behind each of them in one plain sentence. */
import { expect, it } from "vitest";
import { runHost } from "./host-process.js";
import { createWorkspace } from "./workspace.js";

/** yargs would speak the language of the machine. */
const options = { bare: true, env: { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" } };

it("G-302 every command tells its own help, behind it and behind help", async () => {
  for (const command of ["info", "demo", "login", "logout", "mcp"]) {
    const texts: string[] = [];
    for (const args of [
      [command, "--help"],
      [command, "-h"],
      [command, "help"],
      ["help", command],
    ]) {
      const { code, stdout, stderr } = await runHost(createWorkspace(), args, options);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
      texts.push(stdout);
    }
    expect(texts[0]).toMatch(new RegExp(`^Usage: kernel ${command} `));
    expect(new Set(texts).size).toBe(1);
  }
});

it("G-302 behind -- it belongs to the server that is added", async () => {
  const workspace = createWorkspace();
  const { stdout } = await runHost(workspace, ["mcp", "add", "x", "--", "program", "--help"], options);
  expect(stdout).toMatch(/^Added MCP server 'x'/);
  expect((await runHost(workspace, ["mcp", "list"], options)).stdout).toContain("x (stdio): program --help");
});

it.each<readonly [args: readonly string[], sentence: string]>([
  [["mcp"], "Say what to do: add, list, remove, test, auth or reset-auth (see kernel mcp --help)."],
  [["mcp", "foo"], "No such action 'foo': it is add, list, remove, test, auth or reset-auth."],
  [["mcp", "remove"], "Name the server: kernel mcp remove NAME (see kernel mcp --help)."],
  [["mcp", "add"], "Name the server: kernel mcp add NAME (see kernel mcp --help)."],
  [["mcp", "test", "a", "b"], "'b' is not expected here (see kernel mcp --help)."],
  [["mcp", "add", "x", "y", "--bogus=1"], "No such option: --bogus"],
  [["mcp", "add", "-t", "pigeon", "x", "y"], "Invalid value for --transport: 'pigeon' is not one of stdio, http."],
  [["login", "--provider"], "Option '--provider' requires an argument."],
  [["login", "--bogus=sk-1"], "No such option: --bogus"],
  [["login", "sk-1"], "No free words are expected here; the key is taken from KERNEL_LOGIN_API_KEY or stdin only."],
  [["logn"], "No such command 'logn'. Did you mean kernel login?"],
  [["version"], "No such command 'version'. Did you mean kernel --version?"],
  [["info", "foo"], "'foo' is not expected here (see kernel info --help)."],
])("G-303 %j: exit 2 and one plain sentence", async (args, sentence) => {
  const { code, stdout, stderr } = await runHost(createWorkspace(), args, options);
  expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `${sentence}\n` });
});
