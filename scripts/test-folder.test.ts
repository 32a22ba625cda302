import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { setup } from "./test-folder.mjs";

const { TMPDIR: ofThisRun } = process.env;
afterEach(() => {
  if (ofThisRun === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = ofThisRun;
});

test("a place that was named is left alone", () => {
  const named = mkdtempSync(join(tmpdir(), "named-"));
  process.env.TMPDIR = named;
  setup();
  expect(process.env.TMPDIR).toBe(named);
  rmSync(named, { recursive: true });
});

test("otherwise it is a new folder, or that of the system", () => {
  delete process.env.TMPDIR;
  const ofTheSystem = tmpdir();
  setup();
  const made = tmpdir();
  expect(made).not.toBe(ofThisRun);
  expect(statSync(made).isDirectory()).toBe(true);
  if (made === ofTheSystem) return;
  expect(made).toMatch(/^\/dev\/shm\/kernel-\w+$/);
  // It would be removed at the exit of this process, and workers are killed.
  rmSync(made, { recursive: true });
});

test("processes under test are given no certificates to read", () => {
  expect(process.env).not.toHaveProperty("NODE_EXTRA_CA_CERTS");
});
