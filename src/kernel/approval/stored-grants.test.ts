import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Grant } from "./grants.js";
import { grantId, ignoredActionsNotice, parseGrants } from "./stored-grants.js";

const text = fc.string({ unit: "binary" });
const workDir = fc.constant("/w");
const pattern = fc.record({
  match: fc.constantFrom("pattern" as const, "exact" as const),
  argv: fc.array(text, { minLength: 1 }),
  cwd: fc.option(text),
  files: fc.array(fc.record({ path: text, identity: text })),
});
const anyGrant: fc.Arbitrary<Grant> = fc.oneof(
  fc.record({
    kind: fc.constant("command" as const),
    workDir,
    background: fc.boolean(),
    patterns: fc.array(pattern, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant("edit" as const), workDir }),
  fc.record({ kind: fc.constant("fetch" as const), workDir, host: text }),
  fc.record({ kind: fc.constant("mcp" as const), workDir, server: text, tool: text }),
  fc.record({ kind: fc.constant("read_outside" as const), workDir, path: text }),
);

describe("parseGrants", () => {
  it("gives back what was stored as JSON, without repeats", () => {
    fc.assert(
      fc.property(fc.array(anyGrant), (grants) => {
        const distinct = [...new Map(grants.map((grant) => [grantId(grant), grant])).values()];
        const { grants: loaded, notices } = parseGrants(JSON.parse(JSON.stringify(grants)), "/w");
        expect(notices).toEqual([]);
        expect(loaded).toHaveLength(distinct.length);
        expect(new Set(loaded.map(grantId))).toEqual(new Set(distinct.map(grantId)));
        for (const grant of distinct) expect(loaded).toContainEqual(grant);
      }),
    );
  });

  it("drops what is no grant, says so, and keeps the rest", () => {
    const good: Grant = { kind: "fetch", workDir: "/w", host: "a.b" };
    const bad = [
      null,
      1,
      "run command",
      [],
      {},
      { kind: "shell" },
      { kind: "edit" },
      { ...good, host: 1 },
      { ...good, only: "GET" },
      { kind: "command", workDir: "/w", background: false, patterns: [] },
      {
        kind: "command",
        workDir: "/w",
        background: false,
        patterns: [{ match: "any", argv: ["ls"], cwd: null, files: [] }],
      },
      {
        kind: "command",
        workDir: "/w",
        background: false,
        patterns: [{ match: "pattern", argv: [], cwd: null, files: [] }],
      },
    ];
    const { grants, notices } = parseGrants([...bad, good, { ...good, workDir: "/other" }], "/w");
    expect(grants).toEqual([good]);
    expect(notices).toHaveLength(bad.length + 1);
    expect(notices.at(-1)).toContain("another work dir");
  });

  it.each([undefined, null, "x", 1, {}])("takes %j for no grants", (stored) => {
    expect(parseGrants(stored, "/w")).toEqual({
      grants: [],
      notices: ["The stored grants are not a list and were dropped."],
    });
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.array(fc.anything())), (stored) => {
        expect(parseGrants(stored, "/w").grants).toEqual([]);
      }),
    );
  });
});

describe("grantId", () => {
  it("does not depend on the order of keys", () => {
    expect(grantId({ kind: "fetch", workDir: "/w", host: "h" })).toBe(
      grantId({ host: "h", workDir: "/w", kind: "fetch" }),
    );
    expect(grantId({ kind: "fetch", workDir: "/w", host: "h" })).not.toBe(
      grantId({ kind: "fetch", workDir: "/w", host: "i" }),
    );
  });
});

describe("ignoredActionsNotice", () => {
  it("names the actions that are not honoured", () => {
    expect(ignoredActionsNotice([])).toBeNull();
    expect(ignoredActionsNotice(["run command", "edit file"])).toBe(
      'Stored approvals for whole kinds of action are not used and will be asked again: "run command", "edit file".',
    );
  });
});
