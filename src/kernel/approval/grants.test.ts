import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GrantSubject } from "../tools/tool.js";
import { lazyCommandParser } from "./command-parser.js";
import { grammarFiles } from "./grammar-files.js";
import { coveredBy, covers, describeGrant, type Grant, type GrantDeps, proposeGrant } from "./grants.js";
import { createProgramLookup } from "./program-lookup.js";

const parser = lazyCommandParser({ grammar: () => grammarFiles(import.meta.url) });
let root: string;
let workDir: string;
let deps: GrantDeps;

// Fakes: empty programs in a folder of their own, so that no test depends on what the machine has.
const PROGRAMS =
  "git ls cat head tail wc sort uniq grep rg find sed jq diff npm cargo go make pytest docker kubectl mytool othertool " +
  "node python3 tar awk xargs env ssh curl man less rm mv dd chmod kill sudo bash sh tee tsc mkdir touch timeout npx date tree cd";

function write(path: string, text = "", mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "grants-")));
  workDir = join(root, "work");
  for (const name of PROGRAMS.split(" ")) write(join(root, "bin", name), "", 0o755);
  symlinkSync(join(root, "bin", "bash"), join(root, "bin", "friendly"));
  for (const name of [
    "a.txt",
    "src/b.ts",
    ".env",
    ".git/config",
    ".git/hooks/pre-commit",
    "package.json",
    "scripts/run.py",
  ])
    write(join(workDir, name), "x");
  for (const name of ["build.sh", "git", "ls"]) write(join(workDir, name), "#!/bin/sh\n", 0o755);
  chmodSync(join(workDir, ".git/hooks/pre-commit"), 0o755);
  write(join(root, "home", ".ssh", "id_rsa"), "secret");
  write(join(root, "outside", "notes.txt"), "x");
  symlinkSync(join(root, "home", ".ssh", "id_rsa"), join(workDir, "innocent.txt"));
  symlinkSync(join(root, "outside"), join(workDir, "linked"));
  symlinkSync(join(root, "outside", "absent"), join(workDir, "dangling"));
  symlinkSync("loop", join(workDir, "loop"));
  symlinkSync(".env", join(workDir, "settings"));
  deps = {
    places: {
      workDir,
      additionalDirs: [],
      shareDir: join(root, "share"),
      configFile: join(root, "share", "config.toml"),
    },
    findProgram: createProgramLookup(join(root, "bin")),
    parse: parser.parse,
    homeDir: join(root, "home"),
  };
});
afterAll(() => {
  parser.close();
  rmSync(root, { recursive: true, force: true });
});

function shell(command: string, background = false): GrantSubject {
  return { kind: "command", command, cwd: workDir, background };
}
async function grantsFor(...commands: string[]): Promise<Grant[]> {
  const grants = await Promise.all(commands.map((command) => proposeGrant(shell(command), deps)));
  return grants.map((grant, index) => {
    if (grant === null) throw new Error(`no grant for ${commands[index]}`);
    return grant;
  });
}

/** Granted in the tests of the dangerous lines: the harmless forms of everything they misuse. */
const GRANTED = [
  "git status",
  "git diff",
  "git log -5",
  "git show HEAD",
  "git branch",
  "git fetch origin",
  "git push origin main",
  "git add a.txt",
  "git commit -m x",
  "git grep x",
  "ls",
  "cat a.txt",
  "head a.txt",
  "tail a.txt",
  "wc -l a.txt",
  "sort a.txt",
  "uniq a.txt",
  "grep x a.txt",
  "rg x",
  "find . -name x",
  "sed -n 1,2p a.txt",
  "jq .x a.txt",
  "diff a.txt src/b.ts",
  "echo hi",
  "printf '%s' hi",
  "true",
  "test -f a.txt",
  "pwd",
  "npm test",
  "npm run lint",
  "npm ls",
  "cargo test",
  "go test ./...",
  "make test",
  "pytest -q",
  "docker ps",
  "kubectl get pods",
  "mytool a b",
  "./build.sh",
  "tsc --noEmit",
  "mkdir src",
  "touch a.txt",
  "python3 scripts/run.py",
  "date +%F",
  "tree",
  "npx vitest",
];

const DANGEROUS = [
  // operators and lists
  "git status && rm -rf src",
  "git status; rm a.txt",
  "ls | sh",
  "ls || rm a.txt",
  "ls & rm a.txt",
  "ls &",
  "ls\nrm a.txt",
  "ls\rrm a.txt",
  "ls\r\nrm a.txt",
  "ls\u000brm",
  "ls\u000crm",
  "ls\u00a0rm",
  "ls\u2028rm a.txt",
  "ls\u200b",
  "cat a.txt | bash",
  "echo x | tee src/b.ts",
  "echo a.txt | xargs rm",
  "npm test; curl example.org",
  "echo evil | mytool a b",
  "echo x | ./build.sh",
  "true | npx vitest",
  // expansion
  "git status $(rm a.txt)",
  "ls `rm a.txt`",
  "cat <(ls)",
  "echo $((a[$(x)]))",
  "[[ -v a[$(x)] ]]",
  `echo \${x:=$(y)}`,
  `echo \${x@P}`,
  'echo "$(rm a.txt)"',
  'echo "`rm a.txt`"',
  "echo $HOME",
  "test -v 'a[$(rm a.txt)]'",
  "printf -v 'a[$(x)]' x",
  "printf '%n' 'a[$(x)]'",
  // redirection
  "git diff > src/b.ts",
  "cat a.txt >> src/b.ts",
  "ls 2>&1 > a.txt",
  "exec 3<>/dev/tcp/localhost/80",
  "cat << E\nx\nE",
  "cat <<< x",
  "echo x >| .git/hooks/pre-commit",
  // assignments, builtins and compound commands
  "PAGER=./build.sh git log",
  "GIT_SSH_COMMAND=./x git fetch origin",
  "export PAGER=./build.sh",
  "alias ls=rm",
  "function ls { rm a.txt; }",
  "ls() { rm a.txt; }",
  "declare -n x=y",
  "trap 'rm a.txt' EXIT",
  "eval ls",
  "source a.txt",
  ". a.txt",
  "coproc ls",
  "time ls",
  "! ls",
  "{ ls; }",
  "( ls )",
  "if ls; then ls; fi",
  "for x in a; do ls; done",
  "while ls; do ls; done",
  "case a in a) ls;; esac",
  "command ls",
  "builtin echo x",
  "exec ls",
  "hash -p /bin/rm ls",
  "enable -f x y",
  "set -o x",
  "read x",
  "mapfile -C x -c 1",
  "let 'a[$(x)]=1'",
  "unset 'a[$(x)]'",
  // quoting
  "e'c'ho hi",
  "\\rm a.txt",
  "\\ls",
  '"r"m a.txt',
  '"ls"',
  "l's'",
  "$'\\x72m' a.txt",
  "echo {a,b}",
  "cat *",
  "cat ~user/x",
  "echo !!",
  "cat '~/x'",
  // flags
  "find . -exec rm {} +",
  "find . -name x -exec rm '{}' ';'",
  "find . -delete",
  "find . -fprintf a.txt x",
  "find . -ok rm",
  "find . -execdir sh",
  "find . -fls a.txt",
  "find -L . -name x",
  "find / -name x",
  "find . -files0-from a.txt",
  "rg --pre ./build.sh x",
  "rg --pre=./build.sh x",
  "rg --hostname-bin ./build.sh x",
  "rg --hostname-bin=./build.sh x",
  "rg -z x",
  "rg -f a.txt",
  "rg --hidden x",
  "rg -uu x",
  "git -c core.pager=./build.sh log",
  "git -c alias.status='!rm' status",
  "git --exec-path=. status",
  "git --git-dir=src status",
  "git -C src status",
  "git -C/ status",
  "git diff --output=src/b.ts",
  "git diff --output src/b.ts",
  "git log --output=x",
  "git diff --outp=x",
  "git diff --ext-diff",
  "git log --ext-diff -p",
  "git diff --textconv",
  "git show --textconv HEAD",
  "git fetch --upload-pack=./build.sh origin",
  "git fetch --upload-pack ./build.sh origin",
  "git fetch 'ext::sh -c x'",
  "git grep -O./build.sh x",
  "git grep --open-files-in-pager x",
  "git diff -Oa.txt",
  "git diff --no-index a.txt /etc/passwd",
  "git push --force origin main",
  "git push --receive-pack=./x origin main",
  "git push origin other",
  "git branch -D main",
  "git branch new",
  "git co main",
  "git lg",
  "git submodule update",
  "git clone x",
  "git bisect run ./build.sh",
  "git rebase -x ./build.sh main",
  "git config core.pager ./build.sh",
  "git apply a.txt",
  "git commit --no-verify -m x",
  "git commit -F .env",
  "git --no-pager status",
  "git difftool",
  "git filter-branch",
  "git remote add x y",
  "git show HEAD:.env",
  "git status --porcelain=/etc/x",
  "tar --to-command=./build.sh -xf a.txt",
  "tar cf x . --checkpoint=1 --checkpoint-action=exec=sh",
  "sed -n '1e rm a.txt' a.txt",
  "sed -n 'w src/b.ts' a.txt",
  "sed -i 1,2p a.txt",
  "sed -n 1,2p -e 1e a.txt",
  "sed -s -n 1p -f a.txt",
  "awk 'BEGIN{system(\"rm a.txt\")}'",
  "xargs rm",
  "env ls",
  "env -S 'rm a.txt'",
  "sort -o src/b.ts a.txt",
  "sort -osrc/b.ts a.txt",
  "sort --output=src/b.ts a.txt",
  "sort --outp=x a.txt",
  "sort --compress-program=./build.sh a.txt",
  "sort -S1 --compress-program ./build.sh a.txt",
  "sort --files0-from=a.txt",
  "sort -T /tmp a.txt",
  "uniq a.txt src/b.ts",
  "man -P ./build.sh ls",
  "man ls",
  "less a.txt",
  "npm --prefix /tmp test",
  "npm test --prefix /tmp",
  "npm test --prefix=/tmp",
  "npm test -- --globalSetup=./x.js",
  "npm test -- --config=x.js",
  "npm run build",
  "npm run",
  "npm publish",
  "npm exec rm",
  "npm install evil",
  "npm t",
  "make -f a.txt test",
  "make test CC=./build.sh",
  "make other",
  "make",
  "ssh -oProxyCommand=./build.sh x",
  "curl -o src/b.ts example.org",
  "curl -K a.txt",
  "docker run -v /:/x y",
  "docker ps -H tcp://x",
  "docker -H x ps",
  "docker exec x sh",
  "docker compose up",
  "kubectl delete pods x",
  "kubectl exec x",
  "kubectl get secrets",
  "kubectl get pods --kubeconfig=a.txt",
  "cargo run",
  "cargo test --manifest-path=/x/Cargo.toml",
  "cargo test --config x=y",
  "cargo +nightly test",
  "go run .",
  "go test -exec ./build.sh",
  "go test -exec=./build.sh",
  "go test -toolexec=./x",
  "go test -o x",
  "go vet -vettool=./x",
  "go test -C /tmp",
  "pytest -p evil",
  "pytest -c a.txt",
  "pytest --rootdir=/",
  "jq -f a.txt",
  "jq 'import \"a\" as x; .'",
  "jq env",
  "wc --files0-from=a.txt",
  "tree -o src/b.ts",
  "diff --to-file=/etc/passwd a.txt",
  "date -s 2020-01-01",
  "date -f a.txt",
  "tsc --outDir /tmp",
  "tsc --plugin x",
  // programs
  "./git status",
  "./ls",
  "../bin/git status",
  "friendly -c ls",
  "sudo ls",
  "bash -c ls",
  "sh build.sh",
  "bash build.sh",
  "node -e 1",
  "python3 -c x",
  "python3 scripts/run.py --other",
  "python3 -m http.server",
  "node -r ./x.js y.js",
  "mytool a",
  "mytool a b c",
  "mytool b a",
  "othertool a b",
  "./build.sh x",
  "timeout 5 ls",
  "rm a.txt",
  "mv a.txt b.txt",
  "dd if=a.txt",
  "chmod +x a.txt",
  "kill 1",
  "absent-program",
  "npx evil",
  "LS",
  "Git status",
  // paths
  "cat ~/.ssh/id_rsa",
  "cat /etc/passwd",
  "cat /proc/self/environ",
  "cat /dev/tcp/x/1",
  "cat ../outside/notes.txt",
  "cat src/../../outside/notes.txt",
  "cat .env",
  "cat .ENV",
  "cat ./.env",
  "cat src/../.env",
  "cat .git/config",
  "cat .Git/Config",
  "cat innocent.txt",
  "cat settings",
  "cat linked/notes.txt",
  "cat loop",
  "touch dangling",
  "touch .git/hooks/post-commit",
  "touch .bashrc",
  "mkdir /tmp/x",
  "mkdir .ssh",
  "ls /",
  "ls ..",
  "grep x -r /etc",
  "grep --include=../x y a.txt",
  "grep -f .env a.txt",
  "diff a.txt .env",
  "head -n5 /etc/shadow",
  "head -n/etc/x a.txt",
  "cd .. && ls",
  "cd / && git status",
  "cd linked && ls",
  "cd src && cd .. && ls",
  "ls && cd src",
  "cd - && ls",
  "cd src || cat ../outside/notes.txt",
  "cd src; cat ../outside/notes.txt",
  "cd src",
  "cd && ls",
  "cd .git && ls",
  "cd src && git status",
  "cd src && npm test",
  "cd src && ./build.sh",
  "pushd src",
  "cd src && cat ../../x",
];

describe("dangerous lines", () => {
  let all: Grant[];
  beforeAll(async () => {
    all = await grantsFor(...GRANTED);
  });

  it("are at least the 65 of the measured corpus", () => {
    expect(new Set(DANGEROUS).size).toBe(DANGEROUS.length);
    expect(DANGEROUS.length).toBeGreaterThan(200);
  });

  it.each(DANGEROUS)("not covered by the grants for harmless uses: %j", async (command) => {
    expect(await coveredBy(all, shell(command), deps)).toBe(false);
  });
});

describe("harmless lines", () => {
  it.each<[string, string[]]>([
    ["git status -s --porcelain=v1", ["git status"]],
    ["git diff --stat HEAD^ -- src", ["git diff"]],
    ["git log --oneline -20 --format='%h %s'", ["git log"]],
    ["git show HEAD:src/b.ts", ["git show HEAD"]],
    ["git add -A && git commit -m 'fix: the parser' && git status", ["git add a.txt", "git commit -m x", "git status"]],
    ["ls -la src", ["ls"]],
    ["cat a.txt src/b.ts", ["cat a.txt"]],
    ["cat package.json | jq -r '.name'", ["cat a.txt", "jq .x a.txt"]],
    ["head -n5 a.txt | tail -2 | wc -l", ["head a.txt", "tail a.txt", "wc a.txt"]],
    ["grep -rn --include='*.ts' 'foo(' src | sort -u | uniq -c", ["grep x a.txt", "sort a.txt", "uniq a.txt"]],
    ["rg -n -g '!dist' 'class \\w+' src", ["rg x"]],
    ["find . -name '*.ts' -type f -not -path './node_modules/*'", ["find . -name x"]],
    ["sed -n '10,20p' src/b.ts", ["sed -n 1p a.txt"]],
    ["echo 'all done; $HOME stays' && true", ["echo hi", "true"]],
    ["printf '%s\\n' one two", ["printf '%d' 1"]],
    ["npm test -- src/b.test.ts", ["npm test"]],
    ["npm run lint --silent", ["npm run lint"]],
    ["cargo test --release parser", ["cargo test"]],
    ["go test -run=TestX -v ./...", ["go test ./..."]],
    ["make test", ["make test"]],
    ["pytest -q tests/test_a.py::test_b -k 'x and y'", ["pytest"]],
    ["docker ps -a", ["docker ps"]],
    ["kubectl get pods -n prod -o wide", ["kubectl get pods"]],
    ["mytool a b", ["mytool a b"]],
    ["./build.sh", ["./build.sh"]],
    ["python3 scripts/run.py", ["python3 scripts/run.py"]],
    ["cd src && ls -l && cat b.ts", ["ls", "cat a.txt"]],
    ["cd src && npm test", ["cd src && npm test"]],
    ["test -f a.txt && mkdir -p src/new && touch src/new/c.ts", ["test -d src", "mkdir x", "touch a.txt"]],
    ["ls;", ["ls"]],
    ["rg '--glob=src/*.ts' x", ["rg x"]],
    ["go test -run=TestX/sub ./...", ["go test"]],
  ])("%s", async (command, granted) => {
    const grants = await grantsFor(...granted);
    expect(await coveredBy(grants, shell(command), deps)).toBe(true);
    for (const grant of grants) {
      const others = grants.filter((other) => other !== grant);
      expect(await coveredBy(others, shell(command), deps), describeGrant(grant)).toBe(false);
    }
  });
});

describe("command grants", () => {
  it("survive JSON", async () => {
    const grants = JSON.parse(JSON.stringify(await grantsFor(...GRANTED))) as Grant[];
    for (const command of GRANTED) expect(await coveredBy(grants, shell(command), deps), command).toBe(true);
  });

  it("take a whole line and cover each part of it", async () => {
    const [grant] = await grantsFor("ls -l | wc -l && git status");
    if (grant === undefined) throw new Error("no grant");
    expect(describeGrant(grant)).toBe(
      "`ls` with any safe arguments; `wc` with any safe arguments; `git status` with any safe arguments",
    );
    for (const command of ["git status", "ls src | wc"]) expect(await covers(grant, shell(command), deps)).toBe(true);
    expect(await covers(grant, shell("git diff"), deps)).toBe(false);
  });

  it("say what they allow, hidden characters written out", async () => {
    const [exact] = await grantsFor("cd src && mytool 'it is' x");
    if (exact === undefined) throw new Error("no grant");
    expect(describeGrant(exact)).toBe("exactly `mytool 'it is' x` in `src`");
    expect(describeGrant({ kind: "mcp", workDir, server: "s\u202e", tool: "t\n" })).toBe(
      "call MCP tool `t\\u{a}` of server `s\\u{202e}`",
    );
    expect(describeGrant({ kind: "edit", workDir })).toBe("edit files in the workspace");
    expect(describeGrant({ kind: "fetch", workDir, host: "a.b" })).toBe("fetch from a.b");
    expect(describeGrant({ kind: "read_outside", workDir, path: "/x" })).toBe("read `/x`");
  });

  it("keep foreground and background apart", async () => {
    const [foreground] = await grantsFor("npm test");
    const background = await proposeGrant(shell("npm test", true), deps);
    if (foreground === undefined || background === null) throw new Error("no grant");
    expect(await covers(foreground, shell("npm test", true), deps)).toBe(false);
    expect(await covers(background, shell("npm test"), deps)).toBe(false);
    expect(await covers(background, shell("npm test", true), deps)).toBe(true);
    expect(describeGrant(background)).toBe("in the background: `npm test` with any safe arguments");
  });

  it("end when a program, a script or PATH changes", async () => {
    const bin = join(root, "bin2");
    const tool = write(join(bin, "tool"), "1", 0o755);
    const script = write(join(workDir, "scripts", "own.py"), "1");
    const early = join(root, "early");
    mkdirSync(early);
    const changing = { ...deps, findProgram: createProgramLookup(`${early}:${bin}:${join(root, "bin")}`) };
    const granted = async (command: string) => {
      const grant = await proposeGrant(shell(command), changing);
      if (grant === null) throw new Error("no grant");
      return () => covers(grant, shell(command), changing);
    };
    const [byTool, byScript, byPath] = [
      await granted("tool x"),
      await granted("python3 scripts/own.py"),
      await granted("git status"),
    ];
    for (const covered of [byTool, byScript, byPath]) expect(await covered()).toBe(true);
    writeFileSync(tool, "22");
    writeFileSync(script, "22");
    write(join(early, "git"), "evil", 0o755);
    for (const covered of [byTool, byScript, byPath]) expect(await covered()).toBe(false);
  });

  it("treat a file of the workspace named like a known program as unknown", async () => {
    const shadowed = { ...deps, findProgram: createProgramLookup(`.:${join(root, "bin")}`) };
    const grant = await proposeGrant(shell("git status"), shadowed);
    if (grant === null) throw new Error("no grant");
    expect(describeGrant(grant)).toBe("exactly `git status`");
  });

  it("hold in the work dir they were given in, and nowhere outside the workspace", async () => {
    const [grant] = await grantsFor("ls");
    if (grant === undefined) throw new Error("no grant");
    const elsewhere = { ...deps, places: { ...deps.places, workDir: join(root, "outside") } };
    expect(
      await covers(grant, { kind: "command", command: "ls", cwd: join(root, "outside"), background: false }, elsewhere),
    ).toBe(false);
    expect(await proposeGrant({ kind: "command", command: "ls", cwd: root, background: false }, deps)).toBeNull();
    const wider = { ...deps, places: { ...deps.places, additionalDirs: [join(root, "outside")] } };
    expect(await covers(grant, shell("ls linked ../outside"), wider)).toBe(true);
  });

  it.each([
    "rm a.txt",
    "/bin/rm a.txt",
    "./rm a.txt",
    "mv a.txt b.txt",
    "cp a.txt b.txt",
    "dd if=a.txt",
    "chmod +x a.txt",
    "kill 1",
    "sudo ls",
    "env ls",
    "xargs ls",
    "ssh host",
    "curl example.org",
    "bash build.sh",
    "friendly build.sh",
    "timeout 5 ls",
    "awk 1 a.txt",
    "tar tf a.txt",
    "less a.txt",
    "man ls",
    "tee a.txt",
    "node -e 1",
    "node",
    "node --test --import=./x.js",
    "python3 -c 1",
    "python3 -",
    "python3 -m http.server",
    "python3 ../x.py",
    "python3 -i scripts/run.py",
    "mytool /etc/passwd",
    "mytool -I/etc",
    "mytool -I../..",
    "mytool -isystem/usr/include",
    "mytool --config=/etc/x",
    "mytool @/etc/x",
    "mytool ~root",
    "mytool x:/etc",
    "mytool .env",
    "ls | mytool a",
    "absent-program x",
    "cd src",
    "cd src && cd .",
    "ls && cd src && ls",
    "npm publish",
    "git reset --hard",
    ".git/hooks/pre-commit",
  ])("are never proposed for %s", async (command) => {
    expect(await proposeGrant(shell(command), deps)).toBeNull();
  });

  it.each([
    "node --test",
    "node --version",
    "python3 -m pytest -q",
    "python3 scripts/run.py -c x",
    "mytool --flag src/b.ts",
    "npx tsc --noEmit",
  ])("pin the whole argv of %s", async (command) => {
    const [grant] = await grantsFor(command);
    expect(grant).toMatchObject({ patterns: [{ match: "exact", argv: command.split(" "), cwd: workDir }] });
  });

  it("are not proposed for what the parser does not understand, nor when it cannot load", async () => {
    expect(await proposeGrant(shell("ls > x"), deps)).toBeNull();
    const without = { ...deps, parse: lazyCommandParser({ grammar: () => Promise.reject(new Error("gone")) }).parse };
    expect(await proposeGrant(shell("ls"), without)).toBeNull();
  });
});

describe("other grants", () => {
  const edit = (path: string, insideWorkspace = true): GrantSubject => ({
    kind: "edit",
    path: join(workDir, path),
    insideWorkspace,
  });

  it("edit: the workspace, but no control file, build script or link out of it", async () => {
    const grant = await proposeGrant(edit("a.txt"), deps);
    expect(grant).toEqual({ kind: "edit", workDir });
    for (const path of ["src/b.ts", "new/deep/c.ts"])
      expect(await covers({ kind: "edit", workDir }, edit(path), deps)).toBe(true);
    for (const path of [
      ".git/hooks/x",
      ".git",
      ".env.local",
      ".vscode/settings.json",
      ".idea/x",
      ".husky/x",
      "package.json",
      "sub/package.json",
      "Makefile",
      ".github/workflows/ci.yml",
      ".mcp.json",
      ".GIT/config",
      "linked/x",
      "dangling",
      "loop",
      "../outside/x",
      "settings",
      ".cargo/config.toml",
      "../share/config.toml",
    ]) {
      expect(await covers({ kind: "edit", workDir }, edit(path), deps), path).toBe(false);
      expect(await proposeGrant(edit(path), deps), path).toBeNull();
    }
    expect(await covers({ kind: "edit", workDir }, edit("a.txt", false), deps)).toBe(false);
  });

  it("read_outside: the path and what is in it, unless that is half the machine", async () => {
    const read = (path: string): GrantSubject => ({ kind: "read_outside", path: join(root, path) });
    const grant = await proposeGrant(read("outside"), deps);
    if (grant === null) throw new Error("no grant");
    expect(await covers(grant, read("outside/notes.txt"), deps)).toBe(true);
    expect(await covers(grant, read("outsider"), deps)).toBe(false);
    expect(await covers(grant, read("outside/.env"), deps)).toBe(false);
    const broad = await proposeGrant(read("home"), deps);
    if (broad === null) throw new Error("no grant");
    expect(await covers(broad, read("home"), deps)).toBe(true);
    expect(await covers(broad, read("home/x"), deps)).toBe(false);
    expect(await proposeGrant(read("home/.ssh/id_rsa"), deps)).toBeNull();
    expect(await proposeGrant(read("share/sessions/x"), deps)).toBeNull();
  });

  it("fetch: the host; mcp: server and tool", async () => {
    const fetch = (host: string): GrantSubject => ({ kind: "fetch", host });
    const grant = await proposeGrant(fetch("Example.org."), deps);
    if (grant === null) throw new Error("no grant");
    expect(await covers(grant, fetch("example.org"), deps)).toBe(true);
    for (const host of ["sub.example.org", "example.org.evil", "xexample.org", ""])
      expect(await covers(grant, fetch(host), deps)).toBe(false);
    const mcp = await proposeGrant({ kind: "mcp", server: "a", tool: "b" }, deps);
    if (mcp === null) throw new Error("no grant");
    expect(await covers(mcp, { kind: "mcp", server: "a", tool: "b" }, deps)).toBe(true);
    expect(await covers(mcp, { kind: "mcp", server: "b", tool: "b" }, deps)).toBe(false);
    expect(await covers(mcp, { kind: "mcp", server: "a", tool: "c" }, deps)).toBe(false);
    expect(await covers(mcp, fetch("b"), deps)).toBe(false);
  });
});
