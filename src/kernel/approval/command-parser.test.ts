import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandParser, createCommandParser, type ParsedCommand } from "./command-parser.js";
import { grammarFiles } from "./grammar-files.js";
import { hasHiddenCharacter, showHiddenCharacters } from "./hidden-characters.js";

let parser: CommandParser;
let scratch: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "command-parser-"));
  parser = await createCommandParser({ grammar: await grammarFiles(import.meta.url) });
});
afterAll(() => {
  parser.close();
  rmSync(scratch, { recursive: true, force: true });
});

function argvs(parsed: ParsedCommand): (readonly string[])[] | string {
  return parsed.kind === "simple" ? parsed.commands.map((command) => command.argv) : parsed.reason;
}

describe("simple commands", () => {
  it.each<[string, string[][]]>([
    ["ls", [["ls"]]],
    ["  ls   -la  ", [["ls", "-la"]]],
    ["git status && ls; wc -l", [["git", "status"], ["ls"], ["wc", "-l"]]],
    ["a || b && c", [["a"], ["b"], ["c"]]],
    ["echo 'a b' \"c d\" x\"y\"z'1'", [["echo", "a b", "c d", "xyz1"]]],
    ["echo '' \"\"", [["echo", "", ""]]],
    ["echo ' $x `y` \\ * '", [["echo", " $x `y` \\ * "]]],
    ['echo " lead" "trail "', [["echo", " lead", "trail "]]],
    [
      "echo 1 -1 a=b --x=y HEAD^ a,b:c @u %f +1 -",
      [["echo", "1", "-1", "a=b", "--x=y", "HEAD^", "a,b:c", "@u", "%f", "+1", "-"]],
    ],
    ["echo 'grün' \"日本\"", [["echo", "grün", "日本"]]],
    ["ls -- -x;", [["ls", "--", "-x"]]],
    ["./build.sh x", [["./build.sh", "x"]]],
  ])("%s", (command, expected) => {
    expect(argvs(parser.parse(command))).toEqual(expected);
  });

  it("knows whose stdin is a pipe", () => {
    const parsed = parser.parse("a | b | c && d; e && f || g | h");
    if (parsed.kind === "complex") throw new Error(parsed.reason);
    expect(parsed.commands.map((command) => [command.argv[0], command.stdinPiped])).toEqual([
      ["a", false],
      ["b", true],
      ["c", true],
      ["d", false],
      ["e", false],
      ["f", false],
      ["g", false],
      ["h", true],
    ]);
  });
});

const COMPLEX = [
  "",
  " ",
  ";",
  "ls &",
  "a & b",
  "ls |& cat",
  "; ls",
  "ls ;; ls",
  "a &&",
  "&& a",
  "a\nb",
  "a\rb",
  "a\r\nb",
  "a\u000bb",
  "a\u000cb",
  "a\tb",
  "a\u00a0b",
  "a\u2028b",
  "a\u200bb",
  "a\u202eb",
  "echo 'a\u3164b'",
  "echo 'a\u034fb'",
  "echo 'a\u2800b'",
  "echo 'a\ufe0fb'",
  "a\u0000b",
  "'a\nb'",
  "\ud800",
  "echo $(x)",
  "echo `x`",
  "echo $x",
  'echo "$x"',
  'echo "$(x)"',
  'echo "`x`"',
  `echo \${x:=$(y)}`,
  `echo \${x@P}`,
  "echo $((1))",
  "echo $((a[$(x)]))",
  "echo $'\\x72m'",
  'echo $"x"',
  "diff <(a) <(b)",
  "a >(b)",
  "[[ -v a[$(x)] ]]",
  "[ -f x ]",
  "((1))",
  "a >f",
  "a >>f",
  "a 2>&1",
  "a 2>&1 >f",
  "exec 3<>/dev/tcp/h/1",
  "cat <<E\nx\nE",
  "cat <<<x",
  "a <f",
  "a &>f",
  "VAR=x cmd",
  "VAR=x",
  "a[0]=x",
  "a+=b c",
  "export A=1",
  "declare -n a=b",
  "typeset a",
  "local a",
  "readonly a",
  "unset a",
  "function ls { x; }",
  "ls() { x; }",
  "coproc ls",
  "time ls",
  "! ls",
  "{ ls; }",
  "( ls )",
  "if a; then b; fi",
  "for a in b; do c; done",
  "while a; do b; done",
  "until a; do b; done",
  "case a in b) c;; esac",
  "select a in b; do c; done",
  "then",
  "do",
  "done",
  "fi",
  "esac",
  "in x",
  "e'c'ho x",
  "\\rm x",
  '"r"m x',
  "'ls' x",
  'l"s"',
  "echo a\\ b",
  'echo "a\\n"',
  "echo \\",
  "ls *",
  "ls ?",
  "ls [ab]",
  "ls {a,b}",
  "ls {1..3}",
  "ls ~",
  "ls ~user",
  "ls a=~/x",
  "HEAD~1",
  "echo !!",
  'echo "!x"',
  "echo @(a|b)",
  "ls # comment",
  "# comment",
  "ls a#b",
  "echo 'x",
  'echo "x',
  "echo )",
  "echo (",
  "echo }",
  "a | ",
  "| a",
  "-x",
  "ü",
  "ls ü",
  "echo a$",
  'echo "a$"',
];

describe("complex commands", () => {
  it.each(COMPLEX)("%j", (command) => {
    expect(parser.parse(command).kind).toBe("complex");
  });

  it("any text with a control, format or separator character", () => {
    const hidden = fc
      .integer({ min: 0, max: 0x10ffff })
      .map((code) => String.fromCodePoint(code))
      .filter((character) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character));
    fc.assert(
      fc.property(
        fc.constantFrom("ls", "echo 'a'", "git status "),
        hidden,
        fc.string(),
        fc.nat(20),
        (head, bad, tail, at) => {
          const text = head.slice(0, at) + bad + head.slice(at) + tail;
          expect(parser.parse(text).kind).toBe("complex");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("shows hidden characters by their number", () => {
    expect(showHiddenCharacters("a\u202eb c\n")).toBe("a\\u{202e}b c\\u{a}");
    expect(hasHiddenCharacter("plain text, ünï 日本")).toBe(false);
  });
});

describe("limits", () => {
  it.each<[string, string]>([
    ["51 commands", Array(51).fill("ls").join(";")],
    ["500 commands", Array(500).fill("ls").join("&&")],
    ["10^5 commands", Array(100_000).fill("ls").join("|")],
    ["a token of 1 MB", "a".repeat(1_000_000)],
    ["10^5 nested substitutions", "$(".repeat(100_000)],
    ["nested substitutions below the size limit", "$(".repeat(5_000)],
    ["heredocs below the size limit", "<<a ".repeat(2_500)],
    ["pipes below the size limit", `${"a|".repeat(5_000)}a`],
    ["quotes below the size limit", "'".repeat(9_999)],
    ["10,241 bytes in fewer characters", `echo '${"é".repeat(5_118)}'`],
  ])("%s", (_name, command) => {
    expect(parser.parse(command).kind).toBe("complex");
  });

  it("takes 50 commands and 10 kB", () => {
    expect(argvs(parser.parse(Array(50).fill("ls").join(";")))).toHaveLength(50);
    expect(argvs(parser.parse(`echo ${"a".repeat(10_000)}`))).toHaveLength(1);
  });

  it("stops at its budget and parses the next command from its start", async () => {
    const hasty = await createCommandParser({ grammar: await grammarFiles(import.meta.url), budgetMs: 0 });
    expect(argvs(hasty.parse(`echo ${"a ".repeat(1_500)}`))).toBe("parsing it took too long");
    expect(argvs(hasty.parse("ls -la"))).toEqual([["ls", "-la"]]);
    hasty.close();
  });

  it("is complex without a grammar, with a broken one, and after close", async () => {
    const broken = join(scratch, "broken.wasm");
    writeFileSync(broken, "not wasm");
    const found = await grammarFiles(import.meta.url);
    if (found === null) throw new Error("no grammar in the tree");
    for (const grammar of [null, { ...found, bash: broken }, { ...found, bash: join(scratch, "absent") }]) {
      const parsed = (await createCommandParser({ grammar })).parse("ls");
      expect(argvs(parsed)).toBe("the command parser is not available");
    }
    const closing = await createCommandParser({ grammar: found });
    closing.close();
    closing.close();
    expect(closing.parse("ls").kind).toBe("complex");
  });
});

/**
 * Bash as the judge: every command of a line is unknown to it, so its `command_not_found_handle` gets the argv that
 * bash made of the line. Gives the argv lists in the order of their calls.
 */
function argvsOfBash(lines: readonly string[], cwd: string): string[][][] {
  const script = [
    'command_not_found_handle() { printf \'%s\\0\' C "$@" >>"$OUT"; }',
    'n=0; while IFS= read -r -d "" line; do OUT=$LOGS/$n; : >"$OUT"; (eval "$line") <&- 2>/dev/null; n=$((n + 1)); done',
  ].join("\n");
  const logs = mkdtempSync(join(tmpdir(), "argv-of-bash-"));
  try {
    execFileSync("/bin/bash", ["--noprofile", "--norc", "-c", script], {
      cwd,
      env: { PATH: "/nonexistent", LOGS: logs, LC_ALL: "C.UTF-8" },
      input: lines.map((line) => `${line}\0`).join(""),
    });
    return lines.map((_, index) => {
      const words = readFileSync(join(logs, String(index)), "utf8")
        .split("\0")
        .slice(0, -1);
      const calls: string[][] = [];
      for (const word of words) {
        if (word === "C") calls.push([]);
        else calls.at(-1)?.push(word);
      }
      return calls;
    });
  } finally {
    rmSync(logs, { recursive: true, force: true });
  }
}

describe("against bash", () => {
  it("what is called simple runs with exactly these argvs, and nothing else happens", () => {
    const piece = fc.constantFrom(
      ..."ab '\"\\$`;&|<>(){}[]*?~!#=-,1@^%+./:".split(""),
      "a",
      "b",
      "a ",
      " b",
      " && ",
      " | ",
      ";",
      "'a b'",
      '"a b"',
      "''",
      '" a"',
      "b1 ",
      "time ",
      "if ",
      "a=b",
      "$(a)",
    );
    const line = fc.array(piece, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(""));
    const simple = fc.sample(line, { numRuns: 15_000, seed: 20_260_101 }).flatMap((text) => {
      const parsed = parser.parse(text);
      // A program with a slash is a path to bash and not looked up.
      if (parsed.kind === "complex" || parsed.commands.some(({ argv }) => /[/]|^[.:+]+$/.test(argv[0]))) return [];
      return [{ text, argvs: parsed.commands.map((command) => [...command.argv]), partly: text.includes("||") }];
    });
    expect(simple.length).toBeGreaterThan(300);
    const cwd = mkdtempSync(join(scratch, "cwd-"));
    const seen = argvsOfBash(
      simple.map(({ text }) => text),
      cwd,
    );
    for (const [index, { text, argvs: expected, partly }] of simple.entries()) {
      const calls = (seen[index] ?? []).map((call) => JSON.stringify(call)).sort();
      const wanted = expected.map((argv) => JSON.stringify(argv)).sort();
      if (partly) expect(wanted, text).toEqual(expect.arrayContaining(calls));
      else expect(calls, text).toEqual(wanted);
    }
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("what bash refuses is never simple", () => {
    for (const command of COMPLEX.filter((text) => !/[\0\ud800]/.test(text))) {
      try {
        execFileSync("/bin/bash", ["-n", "-c", command], { stdio: "ignore", env: {} });
      } catch {
        expect(parser.parse(command).kind, command).toBe("complex");
      }
    }
  });
});

describe("the files of the grammar", () => {
  it("come from `grammar/` beside the code or above it, after the build's copy", async () => {
    const copy = new URL("../../../scripts/copy-grammar.mjs", import.meta.url).href;
    const { copyGrammar } = (await import(/* @vite-ignore */ copy)) as { copyGrammar(dir: string): Promise<string[]> };
    const dist = join(scratch, "package", "dist");
    const names = await copyGrammar(join(dist, "grammar"));
    expect(readdirSync(join(dist, "grammar")).sort()).toEqual([...names].sort());
    for (const code of ["kernel.js", "chunks/parser-ABC.js"]) {
      const grammar = await grammarFiles(pathToFileURL(join(dist, code)).href);
      expect(grammar).toEqual({
        runtime: join(dist, "grammar", "tree-sitter.wasm"),
        bash: join(dist, "grammar", "tree-sitter-bash.wasm"),
      });
      const built = await createCommandParser({ grammar });
      expect(built.parse("ls").kind).toBe("simple");
      built.close();
    }
  });

  it("are not taken from above the package, and are null where there are none", async () => {
    writeFileSync(join(scratch, "package", "dist", "package.json"), "{}");
    rmSync(join(scratch, "package", "dist", "grammar"), { recursive: true });
    const copy = new URL("../../../scripts/copy-grammar.mjs", import.meta.url).href;
    const { copyGrammar } = (await import(/* @vite-ignore */ copy)) as { copyGrammar(dir: string): Promise<string[]> };
    await copyGrammar(join(scratch, "package", "grammar"));
    expect(await grammarFiles(pathToFileURL(join(scratch, "package", "dist", "kernel.js")).href)).toBeNull();
    expect(await grammarFiles("not a url")).toBeNull();
  });
});
