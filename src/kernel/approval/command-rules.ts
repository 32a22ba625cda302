/**
 * Data: what is known of common programs. A program listed here has a grant only in the forms listed; a program not
 * listed has one for exactly the same argv (command-plan.ts). Left out on purpose: every flag that runs, writes or
 * loads something (`find -exec`, `rg --pre`, `sort -o`, `go test -exec`, `cargo --manifest-path`, `npm --prefix`).
 */
import { type CommandForm, form } from "./command-forms.js";
import { GIT_FORMS } from "./git-rules.js";

const read = (flags: string, options: Parameters<typeof form>[2] = {}): readonly CommandForm[] => [
  form("", flags, { anywhere: true, ...options }),
];
const text = (flags: string): readonly CommandForm[] => read(flags, { text: true });

const GREP = read(
  "-r -n -i -y -l -L -c -v -w -x -E -F -G -P -o -h -H -s -q -a -I -Z -b -A# -B# -C# -m# -e# -# --include --exclude " +
    "--exclude-dir --color --colour --line-number --ignore-case --recursive --files-with-matches --files-without-match " +
    "--count --invert-match --word-regexp --line-regexp --only-matching --no-filename --with-filename --extended-regexp " +
    "--fixed-strings --perl-regexp --after-context --before-context --context --max-count --regexp --quiet --no-messages",
);
const DIGEST = read("-b -t --binary --text --tag");
const NODE_PACKAGES = "-s -w# --silent --workspaces --workspace --if-present";
const KUBECTL = "-o# -n# -l# -A -w --output --namespace --selector --all-namespaces --show-labels --field-selector";

/** Program name to its safe forms. */
export const PROGRAM_RULES: ReadonlyMap<string, readonly CommandForm[]> = new Map<string, readonly CommandForm[]>([
  ["basename", text("-a -s# --multiple --suffix")],
  [
    "cat",
    read("-n -b -s -A -e -E -t -T -v --number --number-nonblank --squeeze-blank --show-all --show-ends --show-tabs"),
  ],
  ["cmp", read("-b -l -s -n# --print-bytes --verbose --silent --quiet --bytes")],
  ["comm", read("-1 -2 -3 -i --check-order --nocheck-order --total")],
  [
    "cut",
    read(
      "-d# -f# -c# -b# -s --delimiter --fields --characters --bytes --only-delimited --complement --output-delimiter",
    ),
  ],
  [
    "date",
    text("-u -R -I# --utc --rfc-email --iso-8601").map((each) => ({
      ...each,
      firstOperand: /^(\+|$)/,
      maxOperands: 1,
    })),
  ],
  ["df", read("-h -H -k -m -T -i -a --human-readable --print-type --inodes --total")],
  [
    "diff",
    read(
      "-u -r -q -N -w -b -B -y -i -a -c -U# -C# --unified --recursive --brief --new-file --ignore-all-space --color " +
        "--ignore-space-change --ignore-blank-lines --side-by-side --ignore-case --text --suppress-common-lines --exclude",
    ),
  ],
  ["dirname", text("-z --zero")],
  ["du", read("-s -h -a -c -k -m -x -b -d# --summarize --human-readable --all --total --max-depth --apparent-size")],
  ["echo", text("-n -e -E")],
  ["egrep", GREP],
  ["false", text("")],
  ["fgrep", GREP],
  ["file", read("-b -i -k --brief --mime --mime-type --mime-encoding")],
  [
    "find",
    read(
      "-name -iname -type -maxdepth -mindepth -path -ipath -wholename -not -o -or -a -and -size -mtime -mmin -ctime -atime " +
        "-newer -empty -print -print0 -prune -perm -user -group -regex -iregex -regextype -readable -writable -executable " +
        "-mount -xdev -depth",
    ),
  ],
  ["grep", GREP],
  ["head", read("-n# -c# -q -v -# --lines --bytes --quiet --silent --verbose")],
  ["id", text("-u -g -G -n -r --user --group --groups --name --real")],
  [
    "jq",
    read(
      "-r -c -s -n -e -S -M -C -j -a -R --raw-output --compact-output --slurp --null-input --exit-status --sort-keys " +
        "--monochrome-output --color-output --join-output --ascii-output --raw-input --tab",
      { firstOperand: /^(?!.*\b(import|include|env|ENV)\b)/s },
    ),
  ],
  [
    "ls",
    read(
      "-a -A -l -h -t -r -R -S -1 -d -F -i -s -p -G -g -o -n -c -u -X -U -m -x -C -k -b -q -Q -L -H -I# -w# -T# --all " +
        "--almost-all --color --human-readable --recursive --reverse --sort --time --time-style --full-time --classify " +
        "--group-directories-first --directory --size --inode --ignore --numeric-uid-gid",
    ),
  ],
  ["md5sum", DIGEST],
  ["nl", read("-b# -n# -w# -s# -v# -i#")],
  ["od", read("-c -x -b -d -o -v -A# -t# -N# -j# -w# --address-radix --format --read-bytes --skip-bytes")],
  // `%n` stores into a variable whose subscript bash evaluates.
  ["printf", read("", { text: true, firstOperand: /^([^%]|%[-+ #0]*\d*(\.\d+)?[sdiqbcx%])*$/ })],
  ["pwd", text("-L -P")],
  ["readlink", read("-f -e -m -n --canonicalize --canonicalize-existing --canonicalize-missing --no-newline")],
  [
    "realpath",
    read("-e -m -s -q --canonicalize-existing --canonicalize-missing --no-symlinks --relative-to --relative-base"),
  ],
  ["rev", read("")],
  [
    "rg",
    read(
      "-n -N -i -S -s -l -c -v -w -x -F -U -o -P -H -I -p -q -a -A# -B# -C# -m# -e# -g# -t# -T# -r# --files --glob --iglob " +
        "--type --type-not --no-heading --heading --json --count --count-matches --files-with-matches --files-without-match " +
        "--line-number --no-line-number --ignore-case --smart-case --case-sensitive --fixed-strings --word-regexp " +
        "--line-regexp --only-matching --invert-match --multiline --multiline-dotall --after-context --before-context " +
        "--context --max-count --max-depth --color --column --vimgrep --sort --sortr --stats --trim --regexp --pcre2 " +
        "--type-list --quiet --replace --max-columns --no-filename --with-filename --text --no-messages",
    ),
  ],
  [
    "sed",
    read("-n -E -r --quiet --silent --regexp-extended", {
      firstOperand: /^(\d+|\$)(,(\d+|\$))?p(;(\d+|\$)(,(\d+|\$))?p)*$/,
    }),
  ],
  ["sha1sum", DIGEST],
  ["sha256sum", DIGEST],
  ["sha512sum", DIGEST],
  [
    "sort",
    read(
      "-n -r -u -h -V -f -b -c -C -g -M -s -d -i -z -k# -t# --numeric-sort --reverse --unique --human-numeric-sort " +
        "--version-sort --ignore-case --ignore-leading-blanks --check --general-numeric-sort --month-sort --stable --key " +
        "--field-separator --dictionary-order",
    ),
  ],
  ["stat", read("-c# -L -t --format --printf --dereference --terse")],
  ["tac", read("-b -r -s# --before --regex --separator")],
  ["tail", read("-n# -c# -q -v -# --lines --bytes --quiet --silent --verbose")],
  // Not `-v` and `-R`: bash evaluates the subscript in their operand.
  ["test", read("-f -d -e -s -r -w -x -L -h -n -z -a -o -eq -ne -lt -le -gt -ge -nt -ot -ef")],
  ["tr", text("-d -s -c -C -t --delete --squeeze-repeats --complement --truncate-set1")],
  [
    "tree",
    read("-a -d -f -i -s -h -p -D -F -r -t -C -n -L# -I# -P# --dirsfirst --noreport --gitignore --prune --filelimit"),
  ],
  ["true", text("")],
  ["type", text("-a -t -p -P -f")],
  ["uname", text("-a -s -n -r -v -m -p -i -o --all --kernel-name --kernel-release --machine --operating-system")],
  // Its second operand is a file that it writes.
  [
    "uniq",
    read("-c -d -D -u -i -z -f# -s# -w# --count --repeated --unique --ignore-case --skip-fields --skip-chars", {
      maxOperands: 1,
    }),
  ],
  ["wc", read("-l -w -c -m -L --lines --words --bytes --chars --max-line-length")],
  ["which", text("-a --all")],
  ["whoami", text("")],

  ["git", GIT_FORMS],
  ["mkdir", [form("", "-p -v --parents --verbose")]],
  ["touch", [form("", "-a -m -c --no-create")]],

  // What the repository's own scripts and tests do is up to the repository: the person is asked once and grants that.
  [
    "npm",
    [
      form("test", NODE_PACKAGES, { passesOn: true }),
      form("run *", NODE_PACKAGES, { passesOn: true }),
      form("ls", "-a --all --depth --json"),
      form("install", "", { match: "exact" }),
      form("ci", "", { match: "exact" }),
    ],
  ],
  [
    "pnpm",
    [
      form("test", "-s -r --silent --recursive", { passesOn: true }),
      form("run *", "-s -r --silent --recursive", { passesOn: true }),
      form("install", "--frozen-lockfile", { match: "exact" }),
    ],
  ],
  [
    "yarn",
    [
      form("test", "-s --silent", { passesOn: true }),
      form("run *", "-s --silent", { passesOn: true }),
      form("install", "--frozen-lockfile --immutable", { match: "exact" }),
    ],
  ],
  ["tsc", [form("", "-p# -b --noEmit --project --build --pretty --skipLibCheck --listFiles --strict")]],
  [
    "pytest",
    [
      form(
        "",
        "-q -v -x -s -l -k# -m# -n# --quiet --verbose --exitfirst --maxfail --tb --durations --lf --ff --last-failed --failed-first --collect-only --co --no-header --color -rA -ra -rs -rf",
        { passesOn: true },
      ),
    ],
  ],
  [
    "cargo",
    ["build", "check", "clippy", "test", "doc", "tree", "metadata"].map((word) =>
      form(
        word,
        "-q -v -p# -j# --quiet --verbose --workspace --all --all-targets --all-features --no-default-features --features --release --lib --bins --bin --tests --test --examples --example --package --exclude --jobs --locked --offline --frozen --no-run --no-fail-fast --no-deps",
        { passesOn: true },
      ),
    ),
  ],
  [
    "go",
    [
      ...["test", "build", "vet"].map((word) =>
        form(
          word,
          "-v -race -run -count -short -cover -timeout -bench -benchmem -failfast -json -cpu -parallel -tags -list -skip",
          { passesOn: true },
        ),
      ),
      form("list", "-m -json -deps -test"),
      form("version", ""),
      form("fmt", ""),
    ],
  ],
  ["make", [form("", "-s -k -n -j# --silent --keep-going --dry-run --jobs", { match: "exact" })]],

  [
    "docker",
    [
      form("ps", "-a -q -l -n# -f# -s --all --quiet --latest --last --filter --size --no-trunc --format"),
      form("images", "-a -q -f# --all --quiet --filter --no-trunc --digests --format"),
      form("logs *", "-t -n# --timestamps --tail --since --until", { maxOperands: 3 }),
      form("version", ""),
      form("compose ps", "-a -q --all --quiet --services"),
      form("compose logs", "-t --timestamps --tail --since --until --no-color"),
    ],
  ],
  ["kubectl", [form("get *", KUBECTL), form("describe *", KUBECTL), form("version", "--client")]],
]);
