import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import { type ConfigEdit, editConfigText } from "./config-edit.js";

const KEY: ConfigEdit = { path: ["providers", "managed:kimi-code"], key: "api_key", value: "sk-1" };
const DEFAULT: ConfigEdit = { path: [], key: "default_model", value: "m" };
const edit = (text: string, ...edits: ConfigEdit[]) => editConfigText(text, "toml", edits);

describe("TOML that keeps every other byte", () => {
  test.each<readonly [what: string, before: string, after: string]>([
    [
      "a value is replaced, its comment stays",
      '# mine\n[providers."managed:kimi-code"]\ntype = "kimi"\napi_key = "old" # the old one\n\n[other] # keep\n',
      '# mine\n[providers."managed:kimi-code"]\ntype = "kimi"\napi_key = "sk-1" # the old one\n\n[other] # keep\n',
    ],
    [
      "a key is added behind the last value of its table",
      "[providers.'managed:kimi-code']\ntype = 'kimi'\n# note\n\n[z]\na = 1\n",
      "[providers.'managed:kimi-code']\ntype = 'kimi'\napi_key = \"sk-1\"\n# note\n\n[z]\na = 1\n",
    ],
    ["a table is added at the end", "a = 1", 'a = 1\n\n[providers."managed:kimi-code"]\napi_key = "sk-1"\n'],
    ["an empty file", "", '[providers."managed:kimi-code"]\napi_key = "sk-1"\n'],
    [
      "line ends of Windows",
      'a = 1\r\n[providers."managed:kimi-code"]\r\napi_key = ""\r\n',
      'a = 1\r\n[providers."managed:kimi-code"]\r\napi_key = "sk-1"\r\n',
    ],
    [
      "a header with spaces, and a list of tables before it",
      '[[hooks]]\napi_key = "x"\n[ providers . "managed:kimi-code" ]\napi_key=""\n',
      '[[hooks]]\napi_key = "x"\n[ providers . "managed:kimi-code" ]\napi_key= "sk-1"\n',
    ],
  ])("%s", (_what, before, after) => {
    expect(edit(before, KEY)).toEqual({ text: after, rewritten: false });
  });

  test("a key of the top goes to the top", () => {
    expect(edit('# head\ntheme = "dark"\n\n[x]\na = 1\n', DEFAULT).text).toBe(
      '# head\ntheme = "dark"\ndefault_model = "m"\n\n[x]\na = 1\n',
    );
    expect(edit("[x]\na = 1\n", DEFAULT).text).toBe('default_model = "m"\n[x]\na = 1\n');
    expect(edit('default_model = "" # none\n', DEFAULT).text).toBe('default_model = "m" # none\n');
  });

  test("several edits, quoted names, numbers and lists", () => {
    const path = ["models", "a.b/c"];
    const { text, rewritten } = edit(
      "x = 1\n",
      { path, key: "max_context_size", value: 5 },
      { path, key: "capabilities", value: ["thinking", "image_in"] },
    );
    expect(rewritten).toBe(false);
    expect(parse(text)).toEqual({
      x: 1,
      models: { "a.b/c": { max_context_size: 5, capabilities: ["thinking", "image_in"] } },
    });
  });
});

describe("TOML in another layout is written anew, with all its values", () => {
  test.each([
    ["an inline table", 'providers = { "managed:kimi-code" = { type = "kimi" } } # c\nx = 1979-05-27T07:32:00Z\n'],
    ["dotted keys", '[providers]\n"managed:kimi-code".type = "kimi"\n'],
    ["a value of several lines", '[providers."managed:kimi-code"]\napi_key = """\nold\nkey"""\ntype = "kimi"\n'],
    ["a header inside a text", 'note = """\n[providers."managed:kimi-code"]\napi_key = ""\n"""\n'],
  ])("%s", (_what, before) => {
    const { text, rewritten } = edit(before, KEY);
    const wanted = structuredClone(parse(before)) as Record<string, Record<string, Record<string, unknown>>>;
    wanted.providers = { ...wanted.providers };
    wanted.providers["managed:kimi-code"] = { ...wanted.providers["managed:kimi-code"], api_key: "sk-1" };
    expect(JSON.parse(JSON.stringify(parse(text)))).toEqual(JSON.parse(JSON.stringify(wanted)));
    expect(rewritten).toBe(true);
  });
});

test("a key of any characters comes back as it is", () => {
  const value = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => at + 0x21));
  const first = edit("", { ...KEY, value }).text;
  const again = edit(first, { ...KEY, value: `${value}2` });
  expect(again.rewritten).toBe(false);
  expect(parse(again.text)).toEqual({ providers: { "managed:kimi-code": { api_key: `${value}2` } } });
});

test("JSON keeps every value", () => {
  const before = '{"theme":"dark","providers":{"p":{"api_key":""}}}';
  const { text } = editConfigText(before, "json", [KEY, DEFAULT]);
  expect(JSON.parse(text)).toEqual({
    theme: "dark",
    providers: { p: { api_key: "" }, "managed:kimi-code": { api_key: "sk-1" } },
    default_model: "m",
  });
});

test("what is no table is not overwritten", () => {
  expect(() => editConfigText('{"providers":5}', "json", [KEY])).toThrow(TypeError);
});
