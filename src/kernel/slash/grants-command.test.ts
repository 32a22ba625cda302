import { expect, test } from "vitest";
import { runGrants } from "./grants-command.js";
import { FINISHED, type SlashContext } from "./slash-command.js";

const GRANTS = [
  { id: "a1", text: "`npm test` with any safe arguments" },
  { id: "b2", text: "edit files in the workspace" },
];

/** Gives what the command said. `stuck`: nothing can be stored. */
async function run(args: string, { grants = GRANTS, stuck = false } = {}) {
  const said: string[] = [];
  const revoked: string[] = [];
  const revoke = (id: string) => {
    revoked.push(id);
    return !stuck;
  };
  const context = { grants: { list: () => grants, revoke }, say: (text: string) => void said.push(text) };
  expect(await runGrants(args, context as unknown as SlashContext)).toBe(FINISHED);
  return { said, revoked };
}

test("without an argument it lists ids and what they allow", async () => {
  expect((await run("")).said).toEqual([
    "Approved for this session:\n  - a1: `npm test` with any safe arguments\n  - b2: edit files in the workspace\nTake one back with /grants revoke <id>.",
  ]);
  expect((await run("", { grants: [] })).said).toEqual(["Nothing is approved for this session."]);
});

test("revoke takes one back and says which", async () => {
  expect(await run(" revoke  b2 ")).toEqual({
    said: ["Asked again from now on: edit files in the workspace"],
    revoked: ["b2"],
  });
});

test("an id that is not there, and a disk that is full", async () => {
  expect(await run("revoke zz")).toEqual({ said: ["No grant has the id zz."], revoked: [] });
  expect((await run("revoke a1", { stuck: true })).said).toEqual(["The grant could not be taken back."]);
});

test.each(["revoke", "revoke a1 b2", "drop a1", "a1"])("%j is answered with how it is used", async (args) => {
  expect(await run(args)).toEqual({ said: ["Usage: /grants, or /grants revoke <id>"], revoked: [] });
});
