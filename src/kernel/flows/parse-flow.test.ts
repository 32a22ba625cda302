import { describe, expect, test } from "vitest";
import type { Flow } from "./flow.js";
import { parseFlow } from "./parse-flow.js";

const fenced = (language: string, diagram: string) => `Words.\n\n\`\`\`${language}\n${diagram}\n\`\`\`\n`;
const mermaid = (diagram: string) => parseFlow(fenced("mermaid", diagram));
const d2 = (diagram: string) => parseFlow(fenced("d2", diagram));

/** Every node with its arrows, in a short form. */
function drawn(flow: Flow): string[] {
  return [...flow.nodes].map(([id, { label, edges }]) => {
    const arrows = edges.map((edge) => (edge.label === null ? edge.to : `${edge.label}:${edge.to}`));
    return `${id}=${String(label)} -> ${arrows.join(" ")}`.trim();
  });
}

describe("mermaid", () => {
  test("nodes of all shapes, quotes, classes, comments, styles, groups, several statements on a line", () => {
    const flow = mermaid(`
      %% a comment
      flowchart TD;
      A([BEGIN]):::start --> B["Do [this] (now)"]
      subgraph one
        direction LR
        B --> C{Is it 'good'?} ; C -- "yes" --> D(( end ))
      end
      C -->|"no, again"| B
      style B fill:#fff
      classDef start stroke:red
      class B start
      linkStyle 0 stroke:red
      D==>E[[last]]-.->F
    `);
    expect(drawn(flow)).toEqual([
      "A=BEGIN -> B",
      "B=Do [this] (now) -> C",
      "C=Is it 'good'? -> yes:D no, again:B",
      "D=end -> E",
      "E=last -> F",
      "F=F ->",
    ]);
    expect([flow.begin, flow.end]).toEqual(["A", "D"]);
  });

  test("ids touch their arrows; BEGIN and END by id, in any case of the label", () => {
    expect(drawn(mermaid("graph\nBEGIN-->do-it-->END"))).toEqual([
      "BEGIN=BEGIN -> do-it",
      "do-it=do-it -> END",
      "END=END ->",
    ]);
    expect(mermaid("graph LR\na[begin] --> b(End)")).toMatchObject({ begin: "a", end: "b" });
  });

  test("Windows line ends, indented and longer fences, the first of several blocks", () => {
    const text = "~~~~mermaid\r\ngraph\r\nBEGIN --> a --> END\r\n~~~~\r\n";
    expect(drawn(parseFlow(text))).toHaveLength(3);
    const two = `${fenced("js", "x")}${fenced("d2", "BEGIN -> a -> END")}${fenced("mermaid", "nonsense")}`;
    expect(drawn(parseFlow(two))).toHaveLength(3);
  });

  test.each([
    ["an empty diagram", "", "the diagram is empty"],
    ["another kind of diagram", "pie\n a: 1", 'line 1 of the diagram is not "flowchart" or "graph"'],
    ["an arrow without a head", "graph\nBEGIN --- END", 'line 2 of the diagram cannot be read at "--- END"'],
    ["a bracket that stays open", "graph\nBEGIN --> a[x --> END", 'cannot be read at "a[x'],
    ["no BEGIN", "graph\na --> END", "it has no BEGIN node"],
    ["no END", "graph\nBEGIN --> a", "it has no END node"],
    ["two ENDs", "graph\nBEGIN --> a[END] --> b[end]", "it has 2 END nodes"],
    ["no way to END", "graph\nBEGIN --> a\nb --> END", "no way leads from BEGIN to END"],
    ["a fork at BEGIN", "graph\nBEGIN -->|x| a --> END\nBEGIN -->|y| END", "BEGIN has 2 outgoing arrows"],
    [
      "an arrow of a fork without label",
      "graph\nBEGIN --> a\na -->|x| END\na --> a",
      "node a has several outgoing arrows",
    ],
    ["a label twice", "graph\nBEGIN --> a\na -->|x| END\na -->|x| a", 'node a has two arrows with the label "x"'],
  ])("%s", (_, diagram, reason) => {
    expect(() => mermaid(diagram)).toThrow(reason);
  });

  test("a fork that nobody reaches does not matter", () => {
    expect(() => mermaid("graph\nBEGIN --> END\nx --> y\nx --> z")).not.toThrow();
  });

  test("reading a hostile diagram takes no time", () => {
    const started = performance.now();
    for (const piece of ["a[", "--", '"', "a-->", "(", "|", "a-"]) {
      expect(() => mermaid(`graph\n${piece.repeat(20_000)}`)).toThrow();
    }
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe("d2", () => {
  test("labels, chains, both directions, texts, blocks, properties, comments", () => {
    const flow = d2(`
      direction: down
      # comment
      BEGIN -> a: go # more
      a: "Look: around"
      a.shape: oval
      b: |md
        # Think

          deeply
      |
      a -> b; b -> c
      c: Good? {
        shape: diamond
        style: {
          fill: red
        }
      }
      d <- c: yes
      c -> a: 'no: again'
      d -> END
      classes: {
        x: { y: z }
      }
    `);
    expect(drawn(flow)).toEqual([
      "BEGIN=BEGIN -> go:a",
      "a=Look: around -> b",
      "b=# Think\n\n  deeply -> c",
      "c=Good? -> yes:d no: again:a",
      "d=d -> END",
      "END=END ->",
    ]);
  });

  test.each([
    ["an arrow without direction", "BEGIN -- END", "line 1 of the diagram has an arrow without a direction"],
    ["both directions", "BEGIN <-> END", "line 1 of the diagram has an arrow without a direction"],
    ["a text that never ends", "BEGIN -> a -> END\na: |md\nx", "line 2 of the diagram opens a text that never ends"],
    ["a block that never ends", "a: {\nx: y", "line 1 of the diagram opens a block that never ends"],
    ["an arrow to nothing", "BEGIN ->", "line 1 of the diagram cannot be read"],
    ["no END", "BEGIN -> a", "it has no END node"],
  ])("%s", (_, diagram, reason) => {
    expect(() => d2(diagram)).toThrow(reason);
  });
});

test("a text without a diagram", () => {
  expect(() => parseFlow("Just words.\n```js\nx\n```\n")).toThrow("it has no mermaid or d2 block");
});
