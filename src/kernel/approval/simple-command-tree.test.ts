import { describe, expect, it } from "vitest";
import type { Node } from "web-tree-sitter";
import { NotSimple, simpleCommands } from "./simple-command-tree.js";

/** A fake syntax node: what a grammar with a fault might give. */
function node(type: string, startIndex: number, endIndex: number, children: Node[] = [], hasError = false): Node {
  const isNamed = /^[a-z_]+$/.test(type);
  const child = (index: number) => children[index] ?? null;
  const fake = {
    type,
    startIndex,
    endIndex,
    children,
    hasError,
    isNamed,
    child,
    childCount: children.length,
    descendantCount: 9,
  };
  return fake as unknown as Node;
}
const name = (start: number, end: number) => node("command_name", start, end, [node("word", start, end)]);

describe("a tree that does not account for the text", () => {
  it("is taken when it does", () => {
    const tree = node("program", 0, 4, [node("command", 0, 4, [name(0, 2), node("word", 3, 4)])]);
    expect(simpleCommands(tree, "ls a")).toEqual([{ argv: ["ls", "a"], stdinPiped: false }]);
  });

  it.each<[string, string, Node]>([
    ["an error node", "ls a", node("program", 0, 4, [node("command", 0, 4, [name(0, 2), node("word", 3, 4)])], true)],
    ["text before the tree", "rm;ls", node("program", 3, 5, [node("command", 3, 5, [name(3, 5)])])],
    ["text behind the tree", "ls;rm", node("program", 0, 2, [node("command", 0, 2, [name(0, 2)])])],
    ["text behind the last child", "ls;rm", node("program", 0, 5, [node("command", 0, 2, [name(0, 2)])])],
    ["text between words", "ls >f a", node("program", 0, 7, [node("command", 0, 7, [name(0, 2), node("word", 6, 7)])])],
    [
      "a hole in a word",
      "ls a>b",
      node("program", 0, 6, [
        node("command", 0, 6, [name(0, 2), node("concatenation", 3, 6, [node("word", 3, 4), node("word", 5, 6)])]),
      ]),
    ],
    [
      "a word that ends early",
      "ls ab>",
      node("program", 0, 6, [node("command", 0, 6, [name(0, 2), node("concatenation", 3, 6, [node("word", 3, 5)])])]),
    ],
    [
      "two commands side by side",
      "ls rm",
      node("program", 0, 5, [node("command", 0, 2, [name(0, 2)]), node("command", 3, 5, [name(3, 5)])]),
    ],
    ["an unknown root", "ls", node("document", 0, 2, [node("command", 0, 2, [name(0, 2)])])],
    ["nothing in it", "  ", node("program", 0, 2)],
  ])("is refused: %s", (_name, source, tree) => {
    expect(() => simpleCommands(tree, source)).toThrow(NotSimple);
  });
});
