import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { READ_FILE, SHELL } from "./testing/stream-results.js";
import { TextCallGate } from "./text-call-gate.js";
import { parseTextCalls } from "./text-calls.js";

const tools = new Map([SHELL, READ_FILE].map((tool) => [tool.name, tool]));

function gate(pieces: readonly string[], tagsOnly = false) {
  let passed = "";
  const subject = new TextCallGate(
    tools,
    (text) => {
      passed += text;
    },
    tagsOnly,
  );
  for (const piece of pieces) subject.feed(piece);
  const passedBefore = passed;
  const held = subject.end();
  return { passed: passedBefore, held: held.text, calls: held.maybeCalls ? parseTextCalls(held.text, tools) : null };
}

const LS = [{ name: "Shell", arguments: '{"command":"ls"}' }];
const OBJECT = '{"name": "Shell", "arguments": {"command": "ls"}}';

describe("text that is a call", () => {
  it.each([
    ["tag", `<tool_call>\n${OBJECT}\n</tool_call>`],
    ["tag without its end", `<tool_call>${OBJECT}`],
    ["list in a tag", `<tool_call>[${OBJECT}]</tool_call>`],
    ["function tag", "<function=Shell>\n<parameter=command>\nls\n</parameter>\n</function>"],
    [
      "function in a tag",
      "<tool_call>\n<function=Shell>\n<parameter=command>ls</parameter>\n</function>\n</tool_call>",
    ],
    ["function with an object", '<function=Shell>{"command": "ls"}</function>'],
    ["fence", `\`\`\`json\n${OBJECT}\n\`\`\``],
    ["fence of another name", `\`\`\`tool_call\n${OBJECT}\n\`\`\`\n`],
    ["fence without its end", `\`\`\`\n${OBJECT}`],
    ["mistral list", `[TOOL_CALLS] [${OBJECT}]`],
    ["mistral name", '[TOOL_CALLS]Shell[ARGS]{"command": "ls"}'],
    ["bare object", OBJECT],
    ["parameters", '{"name": "Shell", "parameters": {"command": "ls"}}'],
    ["nested function", '{"type": "function", "function": {"name": "Shell", "arguments": {"command": "ls"}}}'],
    ["function as the name", '{"function": "Shell", "args": {"command": "ls"}}'],
    ["arguments as text", '{"name": "Shell", "arguments": "{\\"command\\": \\"ls\\"}"}'],
  ])("%s", (_, text) => {
    for (const pieces of [[text], [...text]]) expect(gate(pieces)).toMatchObject({ passed: "", calls: LS });
    expect(gate([`I look first.\n${text}`])).toMatchObject({ passed: "I look first.\n", calls: LS });
  });

  it("several in a row", () => {
    const text = `<tool_call>${OBJECT}</tool_call>\n<tool_call>{"name":"ReadFile","arguments":{"path":"x"}}</tool_call>`;
    expect(gate([...text]).calls).toEqual([...LS, { name: "ReadFile", arguments: '{"path":"x"}' }]);
  });

  it("types parameters by the schema", () => {
    const text = "<function=Shell><parameter=command>7</parameter><parameter=timeout>9</parameter></function>";
    expect(gate([text]).calls).toEqual([{ name: "Shell", arguments: '{"command":"7","timeout":9}' }]);
  });
});

describe("text that is none", () => {
  it.each([
    ["prose", "hello [1] {x} <b> `c`"],
    ["other JSON", '{"a": 1, "b": [2]}'],
    ["an unregistered function", "<function=Nope></function>"],
    ["a tag that is prose", "<tool_call> is a tag"],
    ["an object in a line", `say ${OBJECT}`],
  ])("%s passes at once", (_, text) => {
    for (const pieces of [[text], [...text]]) expect(gate(pieces)).toMatchObject({ passed: text, held: "" });
  });

  it.each([
    ["a code fence", "```js\nconst a = {};\n```"],
    ["a JSON fence of something else", '```json\n{"port": 1}\n```'],
  ])("%s passes but for its last line, which may open another", (_, text) => {
    for (const pieces of [[text], [...text]]) {
      expect(gate(pieces)).toEqual({ passed: text.slice(0, -3), held: "```", calls: null });
    }
  });

  it.each([
    ["a call with text behind it", `${OBJECT}\nThat is how.`],
    ["a fenced call with text behind it", `\`\`\`json\n${OBJECT}\n\`\`\`\nThat is how.`],
    ["a tagged call with text behind it", `<tool_call>${OBJECT}</tool_call> is how.`],
  ])("%s is let go when the text comes", (_, text) => {
    for (const pieces of [[text], [...text]]) expect(gate(pieces)).toMatchObject({ passed: text, held: "" });
  });

  it.each([
    ["an unregistered tool", '<tool_call>{"name": "Nope", "arguments": {}}</tool_call>'],
    ["an untagged object without arguments", '{"name": "Shell"}'],
    ["broken JSON", '<tool_call>{"name": "Shell", </tool_call>'],
    ["arguments that are no object", '{"name": "Shell", "arguments": [1]}'],
  ])("%s is no call", (_, text) => {
    expect(gate([text])).toMatchObject({ passed: "", held: text, calls: null });
  });

  it("looks at tags alone when told so", () => {
    expect(gate([OBJECT], true)).toMatchObject({ passed: OBJECT, held: "" });
    expect(gate([`<tool_call>${OBJECT}</tool_call>`], true).calls).toEqual(LS);
  });

  it("lets a held text go when it grows too large", () => {
    const text = `{"name": "${"x".repeat(3 * 1024 * 1024)}`;
    expect(gate([text.slice(0, 100), text.slice(100)])).toMatchObject({ passed: text, held: "" });
  });
});

it("neither loses nor reorders text, however it is cut", () => {
  const token = fc.constantFrom(
    "<tool_call>",
    "</tool_call>",
    "<function=Shell>",
    "</function>",
    "[TOOL_CALLS]",
    "```",
    "json",
    '{"name"',
    ":",
    '"Shell"',
    "}",
    "\n",
    " ",
    "a",
    "<",
    "{",
    "[",
    "`",
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 16 }), fc.boolean(), (tokens, tagsOnly) => {
      const text = tokens.join("");
      const whole = gate([text], tagsOnly);
      const cut = gate([...text], tagsOnly);
      expect(whole.passed + whole.held).toBe(text);
      expect(cut).toEqual(whole);
    }),
    { numRuns: 1000 },
  );
});
