import { describe, expect, it } from "vitest";
import { readServerEntries, readServerEntry } from "./server-entry.js";

describe("readServerEntries", () => {
  it("reads processes and remote servers", () => {
    const entries = readServerEntries([
      {
        mcpServers: {
          a: { command: "npx", args: ["-y", "x"], env: { K: "v" }, cwd: "sub" },
          b: { url: "https://h/mcp", transport: "streamable-http", headers: { A: "1" }, auth: "oauth" },
        },
      },
    ]);
    expect(entries).toEqual([
      { kind: "stdio", name: "a", command: "npx", args: ["-y", "x"], env: { K: "v" }, cwd: "sub" },
      { kind: "remote", name: "b", url: "https://h/mcp", transport: "http", headers: { A: "1" }, oauth: true },
    ]);
  });

  it("lets a later document replace a server, in the place of the first", () => {
    const entries = readServerEntries([
      { mcpServers: { a: { command: "1" }, b: { command: "2" } } },
      {},
      { mcpServers: { a: { command: "3" } } },
    ]);
    expect(entries.map((entry) => [entry.name, entry.kind === "stdio" && entry.command])).toEqual([
      ["a", "3"],
      ["b", "2"],
    ]);
  });

  it.each([
    ["https://h/sse", undefined, "sse"],
    ["https://h/sse?x=1", undefined, "sse"],
    ["https://h/mcp", undefined, "http"],
    ["https://h/sse", "http", "http"],
    ["https://h/mcp", "sse", "sse"],
  ])("reaches %s with transport %s over %s", (url, transport, expected) => {
    expect(readServerEntry("a", { url, transport })).toMatchObject({ kind: "remote", transport: expected });
  });

  it("knows the name that other programs give to transport", () => {
    expect(readServerEntry("a", { type: "sse", url: "https://h/mcp" })).toMatchObject({ transport: "sse" });
    expect(readServerEntry("a", { type: "stdio", command: "x" })).toMatchObject({ kind: "stdio" });
  });

  it.each([
    ["no object", 5, "the entry is no object"],
    ["null", null, "the entry is no object"],
    ["neither way", {}, "neither command nor url is given"],
    ["an argument that is no text", { command: "x", args: [1] }, "args.0 has the wrong shape"],
    ["a variable that is no text", { command: "x", env: { A: 1 } }, "env.A has the wrong shape"],
    ["no URL", { url: "nowhere" }, "url is no http or https URL"],
    ["a file URL", { url: "file:///etc/passwd" }, "url is no http or https URL"],
    ["another transport", { url: "https://h", transport: "ws" }, "transport is neither http nor sse"],
  ])("keeps an entry that is %s as broken", (_what, value, reason) => {
    expect(readServerEntry("a", value)).toEqual({ kind: "broken", name: "a", reason });
  });

  it("takes __proto__ as a name like any other", () => {
    const documents = [JSON.parse('{"mcpServers":{"__proto__":{"command":"x"}}}')];
    expect(readServerEntries(documents)).toMatchObject([{ kind: "stdio", name: "__proto__" }]);
  });
});
