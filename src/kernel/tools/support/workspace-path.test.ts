import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolders } from "../testing/call-tool.js";
import { followLinks, isWithin, PathError, resolvePath } from "./workspace-path.js";

const folder = temporaryFolders();
let work: string;
let outside: string;
beforeEach(async () => {
  work = await folder("work");
  outside = await folder("outside");
  await mkdir(join(work, "sub"));
  await writeFile(join(work, "sub", "f.txt"), "x");
  await writeFile(join(outside, "secret"), "s");
});
const where = () => ({ workDir: work, additionalDirs: [] as string[] });

describe("resolvePath", () => {
  it.each([
    ["sub/f.txt", "sub/f.txt", true],
    ["./sub//f.txt", "sub/f.txt", true],
    ["sub/../sub/f.txt", "sub/f.txt", true],
    ["new/deep/file", "new/deep/file", true],
    [".", "", true],
    ["sub/f.txt/", "sub/f.txt", true],
    ["..f", "..f", true],
    ["~user/x", "~user/x", true],
    ["file://etc/passwd", "file:/etc/passwd", true],
    ["\\\\server\\share", "\\\\server\\share", true],
    ["naïve\u0301/🙂\n.txt", "naïve\u0301/🙂\n.txt", true],
    ["-rf", "-rf", true],
  ])("%j is %j in the work dir", async (path, real, inside) => {
    expect(await resolvePath(path, where())).toMatchObject({ real: join(work, real), inside, relative: true });
  });

  it.each(["../x", "sub/../../x", "..", "a/b/../../../c"])("%j is outside", async (path) => {
    expect(await resolvePath(path, where())).toMatchObject({ inside: false, relative: true });
  });

  it("judges absolute paths and a folder whose name only begins alike", async () => {
    expect(await resolvePath(join(work, "a"), where())).toMatchObject({ inside: true, relative: false });
    expect(await resolvePath(`${work}-else/a`, where())).toMatchObject({ inside: false, relative: false });
    expect(await resolvePath("/etc/passwd", where())).toMatchObject({ inside: false, real: "/etc/passwd" });
    expect(await resolvePath("/anything", { workDir: "/", additionalDirs: [] })).toMatchObject({ inside: true });
  });

  it("counts additional dirs, real or linked, as inside", async () => {
    const linked = join(await folder(), "to-outside");
    await symlink(outside, linked);
    for (const dir of [outside, linked]) {
      const found = await resolvePath(join(dir, "secret"), { workDir: work, additionalDirs: [dir] });
      expect(found).toMatchObject({ inside: true, real: join(outside, "secret"), shown: join(dir, "secret") });
    }
  });

  it("works in a work dir that is itself reached through a link", async () => {
    const linked = join(await folder(), "work-link");
    await symlink(work, linked);
    expect(await resolvePath("sub/f.txt", { workDir: linked, additionalDirs: [] })).toMatchObject({
      inside: true,
      absolute: join(linked, "sub/f.txt"),
      real: join(work, "sub/f.txt"),
      shown: join(linked, "sub/f.txt"),
    });
  });

  it("follows links of files, folders and chains, and shows where they lead", async () => {
    await symlink(join(outside, "secret"), join(work, "to-file"));
    await symlink(outside, join(work, "to-dir"));
    await symlink("to-dir", join(work, "chain"));
    await symlink("sub/f.txt", join(work, "within"));
    const real = join(outside, "secret");
    for (const path of ["to-file", "to-dir/secret", "chain/secret"]) {
      expect(await resolvePath(path, where())).toMatchObject({ inside: false, real, shown: real });
    }
    expect(await resolvePath("within", where())).toMatchObject({ inside: true, shown: join(work, "sub/f.txt") });
    // `..` is taken out of the text first, so this does not go through the link.
    expect(await resolvePath("to-dir/../x", where())).toMatchObject({ inside: true, real: join(work, "x") });
  });

  it("judges a dangling link by its target", async () => {
    await symlink(join(outside, "new"), join(work, "dangling"));
    await symlink("missing/../../up", join(work, "odd"));
    expect(await resolvePath("dangling", where())).toMatchObject({ inside: false, real: join(outside, "new") });
    expect(await resolvePath("odd", where())).toMatchObject({ inside: false });
    await symlink("fresh", join(work, "dangling-inside"));
    expect(await resolvePath("dangling-inside", where())).toMatchObject({ inside: true, real: join(work, "fresh") });
  });

  it("ends in loops and very long chains", async () => {
    await symlink("b", join(work, "a"));
    await symlink("a", join(work, "b"));
    await symlink("self/x", join(work, "self"));
    for (const path of ["a", "a/x", "self"]) {
      await expect(resolvePath(path, where())).rejects.toThrow("too many symbolic links");
    }
    await symlink("sub", join(work, "l0"));
    for (let i = 1; i <= 40; i++) await symlink(`l${i - 1}`, join(work, `l${i}`));
    await expect(resolvePath("l40", where())).rejects.toThrow(PathError);
    expect(await resolvePath("l39", where())).toMatchObject({ real: join(work, "sub") });
  });

  it("sees through /proc/self/root and /dev/fd", async () => {
    expect(await resolvePath("/proc/self/root/etc/hosts", where())).toMatchObject({
      real: "/etc/hosts",
      inside: false,
    });
    expect((await resolvePath("/dev/fd/0", where())).inside).toBe(false);
  });

  it("refuses NUL and the empty path", async () => {
    await expect(resolvePath("a\0b", where())).rejects.toThrow("`a\\x00b` contains a NUL character.");
    await expect(resolvePath("", where())).rejects.toThrow("The path is empty.");
  });

  it("expands ~/ from the given environment only", async () => {
    expect(await resolvePath("~/x", { ...where(), env: { HOME: outside } })).toMatchObject({
      absolute: join(outside, "x"),
      inside: false,
      relative: false,
    });
    await expect(resolvePath("~/x", where())).rejects.toThrow("home folder is not known");
  });

  it("escapes hidden characters in what is shown", async () => {
    const { shown, real } = await resolvePath("a\u202e\n\u001b[1m", where());
    expect(shown).toBe(`${work}/a\\u{202e}\\n\\x1b[1m`);
    expect(real).toBe(`${work}/a\u202e\n\u001b[1m`);
  });

  it("cannot tell a hard link from its other name; that is what atomicWrite is for", async () => {
    await link(join(outside, "secret"), join(work, "hard"));
    expect(await resolvePath("hard", where())).toMatchObject({ inside: true, real: join(work, "hard") });
  });
});

describe("followLinks and isWithin", () => {
  it("leaves missing and impossible components as they are", async () => {
    expect(await followLinks(join(work, "sub/f.txt/below"))).toBe(join(work, "sub/f.txt/below"));
    const long = "n".repeat(300);
    expect(await followLinks(join(work, long))).toBe(join(work, long));
  });

  it.each([
    ["/a", "/a", true],
    ["/a/b", "/a", true],
    ["/ab", "/a", false],
    ["/a", "/a/b", false],
    ["/a/..b", "/a", true],
    ["/x", "/", true],
  ])("isWithin(%s, %s) is %s", (path, dir, expected) => {
    expect(isWithin(path, dir)).toBe(expected);
  });
});
