import { describe, expect, it } from "vitest";
import { silentLogger } from "../logger.js";
import { JoinedTools } from "./joined-tools.js";
import type { McpServer } from "./mcp-server.js";
import type { OfferedTool } from "./offered-tool.js";

const offered = (...names: string[]): OfferedTool[] =>
  names.map((remoteName) => ({ remoteName, description: "", parameters: { type: "object", properties: {} } }));
/** Fake: only its name is used here. */
const deps = (name: string) => ({ server: { name } as McpServer, timeoutMs: 1, logger: silentLogger });

describe("JoinedTools", () => {
  it("lists tools in the order of joining", () => {
    const joined = new JoinedTools(() => false);
    expect(joined.join(offered("b", "a"), deps("one"))).toEqual([]);
    expect(joined.join(offered("c"), deps("two"))).toEqual([]);
    expect(joined.definitions.map(({ name }) => name)).toEqual(["b", "a", "c"]);
    expect(joined.find("c")?.name).toBe("c");
    expect(joined.find("x")).toBeNull();
  });

  it("gives a tool whose name is taken the name of its server too", () => {
    const joined = new JoinedTools((name) => name === "Shell");
    joined.join(offered("search"), deps("one"));
    expect(joined.join(offered("search", "Shell"), deps("two"))).toEqual([
      "tool search is listed as two__search: its name is taken",
      "tool Shell is listed as two__Shell: its name is taken",
    ]);
    expect(joined.definitions.map(({ name }) => name)).toEqual(["search", "two__search", "two__Shell"]);
  });

  it("leaves out what is taken even then", () => {
    const joined = new JoinedTools((name) => name.endsWith("a"));
    expect(joined.join(offered("a"), deps("one"))).toEqual(["tool a is left out: its name is taken"]);
    expect(joined.definitions).toEqual([]);
  });

  it("makes names that every model API takes", () => {
    const joined = new JoinedTools(() => false);
    joined.join(offered("odd name!", "x".repeat(200)), deps("one"));
    expect(joined.definitions.map(({ name }) => name)).toEqual(["odd_name_", "x".repeat(64)]);
  });

  it("replaces a list in its place, and keeps an equal one with its objects", () => {
    const joined = new JoinedTools(() => false);
    joined.join(offered("a"), deps("one"));
    joined.join(offered("b"), deps("two"));
    const before = joined.find("a");
    joined.join(offered("a"), deps("one"));
    expect(joined.find("a")).toBe(before);
    joined.join(offered("c"), deps("one"));
    expect(joined.definitions.map(({ name }) => name)).toEqual(["c", "b"]);
  });

  it("steps back for a tool that the client registers later", () => {
    const external = new Set<string>();
    const joined = new JoinedTools((name) => external.has(name));
    joined.join(offered("a", "b"), deps("one"));
    external.add("a");
    expect(joined.definitions.map(({ name }) => name)).toEqual(["b"]);
    expect(joined.find("a")).toBeNull();
  });
});
