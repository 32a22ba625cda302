import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GENERATED_DIR, loadWireGen, REPO_DIR, SPEC_DIR } from "./testing/contract-files.js";

const gen = await loadWireGen();

test("the generated files and the recorded hash match the contract", async () => {
  expect(await gen.check({ specDir: SPEC_DIR, outDir: GENERATED_DIR })).toEqual([]);
});

test("layout and key order do not change the hash, content does", async () => {
  const contract = await gen.readContract(SPEC_DIR);
  const reversed = Object.fromEntries(Object.entries(contract).reverse()) as typeof contract;
  expect(gen.contractHash(reversed)).toBe(gen.contractHash(contract));
  const changed = structuredClone(contract);
  changed["methods.json"].protocol_version = "1.11";
  expect(gen.contractHash(changed)).not.toBe(gen.contractHash(contract));
});

describe("in a copy of the repository", () => {
  let copy: string;
  beforeEach(async () => {
    copy = await realpath(await mkdtemp(join(tmpdir(), "wire-gen-")));
    for (const part of ["wire-spec", "src/wire/generated", "scripts/wire-gen.mjs", "package.json"]) {
      await cp(join(REPO_DIR, part), join(copy, part), { recursive: true });
    }
    await symlink(join(REPO_DIR, "node_modules"), join(copy, "node_modules"));
  });
  afterEach(() => rm(copy, { recursive: true, force: true }));

  /** Runs the script in the copy; gives its exit code and what it said. */
  function wireGen(...args: string[]): Promise<{ code: number; said: string }> {
    return new Promise((resolve) => {
      execFile(process.execPath, [join(copy, "scripts/wire-gen.mjs"), ...args], (error, _stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), said: stderr });
      });
    });
  }

  async function replaceIn(file: string, from: string, to: string): Promise<void> {
    const text = await readFile(join(copy, file), "utf8");
    expect(text).toContain(from);
    await writeFile(join(copy, file), text.replace(from, to));
  }

  test("the check is green, and red with advice after a change of the contract", async () => {
    expect(await wireGen("--check")).toEqual({ code: 0, said: "" });
    await replaceIn("wire-spec/turn.schema.json", '"wait_s"', '"wait_ms"');
    const red = await wireGen("--check");
    expect(red.code).toBe(1);
    expect(red.said).toContain("types.gen.ts does not match wire-spec/. Run `npm run gen`.");
    expect(red.said).toContain("npm run gen -- --update-hash");
    expect(await wireGen("--update-hash")).toEqual({ code: 0, said: "" });
    expect(await wireGen("--check")).toEqual({ code: 0, said: "" });
  });

  test("the check is red after an edit of a generated file", async () => {
    await replaceIn("src/wire/generated/tables.gen.ts", "-32001", "-32099");
    const red = await wireGen("--check");
    expect(red.code).toBe(1);
    expect(red.said).toBe("src/wire/generated/tables.gen.ts does not match wire-spec/. Run `npm run gen`.\n");
  });

  test("a changed description needs a new hash too", async () => {
    await replaceIn("wire-spec/errors.json", "The line is not JSON.", "The line is odd.");
    expect((await wireGen("--check")).said).toContain("The contract of Wire 1.10 is not the one recorded");
  });

  test("the extensions have a hash of their own: the contract's does not know them", async () => {
    await replaceIn("wire-spec/extensions.schema.json", '"idle_ms"', '"still_ms"');
    const red = await wireGen("--check");
    expect(red.code).toBe(1);
    expect(red.said).toContain("extensions.gen.ts does not match wire-spec/.");
    expect(red.said).toContain("The extensions are not those recorded in wire-spec/versions.json.");
    expect(red.said).not.toContain("The contract of Wire");
    expect(await wireGen("--update-hash")).toEqual({ code: 0, said: "" });
    expect(await wireGen("--check")).toEqual({ code: 0, said: "" });
  });

  test("two definitions of one name are refused", async () => {
    await replaceIn("wire-spec/lifecycle.schema.json", '"ServerInfo": {', '"TurnEnd": {');
    expect((await wireGen("--check")).said).toContain("Two definitions are called TurnEnd.");
  });
});
