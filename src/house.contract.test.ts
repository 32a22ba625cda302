/** Rules of the house that no linter holds. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const CEILING = 250;
const BANNED_NAMES = /(^|[-/])(utils?|helpers?|manager|misc|core|soul|engine)([-./]|$)/;

const sources = ["src", "bin"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name).split(sep).join("/"))
    .filter((name) => !name.includes("/generated/")),
);
const products = sources.filter((name) => !name.endsWith(".test.ts"));
const text = (name: string) => readFileSync(join(root, name), "utf8");

/** Names of the files that a rule is broken in. */
function offenders(names: readonly string[], broken: (content: string, name: string) => boolean): string[] {
  return names.filter((name) => broken(text(name), name));
}

describe("the house", () => {
  it("has sources to look at", () => {
    expect(products.length).toBeGreaterThan(100);
  });

  it("no source is above its ceiling of lines", () => {
    expect(offenders(products, (content) => content.split("\n").length - 1 > CEILING)).toEqual([]);
  });

  it("every name says a job", () => {
    expect(offenders(products, (_content, name) => BANNED_NAMES.test(relative("src", name)))).toEqual([]);
  });

  it("everything is exported by name", () => {
    expect(offenders(products, (content) => /^export (default|\*)/m.test(content))).toEqual([]);
  });

  it("the package's own module has every name of its client's", () => {
    const namesOf = (file: string) =>
      [...text(`src/${file}`).matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = ""]) =>
        names.split(",").map((name) => name.replace("type ", "").trim()),
      );
    const names = namesOf("client/index.ts");
    expect(names).toContain("KernelClient");
    expect(namesOf("fallback/index.ts")).toEqual(expect.arrayContaining(names));
  });

  it("only bin touches the process", () => {
    const kernel = products.filter((name) => name.startsWith("src/kernel/") && !name.includes("/testing/"));
    const touches = /\bprocess\.(exit|on|once|chdir|env|stdout|stderr|stdin)\b/;
    expect(offenders(kernel, (content) => touches.test(content))).toEqual([]);
  });

  it("a skipped test names its reason", () => {
    const silent = (line: string) => /\.(skip|only|todo)\(/.test(line) && !/\/\/ |\.skip\(["`'a-z]/.test(line);
    expect(offenders(sources, (content) => content.split("\n").some(silent))).toEqual([]);
  });
});
