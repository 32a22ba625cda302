/**
 * Data: the forms of git that a grant may cover. Left out on purpose: flags before the subcommand (`-c`, `-C`,
 * `--exec-path`, `--git-dir`), `--output`, `--ext-diff`, `--textconv`, `-O`, `--upload-pack`, `--no-index`, everything
 * that forces or deletes, and every word that is not a subcommand listed here (it may be an alias, and so any program).
 */
import { type CommandForm, form } from "./command-forms.js";

const DIFF =
  "-p -u -w -b -z -M -C -R -a -U# -S# -G# --stat --numstat --shortstat --dirstat --summary --name-only --name-status " +
  "--patch --no-patch --unified --raw --color --no-color --word-diff --color-words --cached --staged --merge-base " +
  "--ignore-all-space --ignore-space-change --ignore-blank-lines --find-renames --find-copies --no-renames " +
  "--diff-filter --check --exit-code --quiet --minimal --patience --histogram --diff-algorithm --relative " +
  "--function-context --abbrev --full-index --no-ext-diff --no-textconv --patch-with-stat --compact-summary";
const LOG =
  `${DIFF} -# -n# -i -E -F -P -g -s -m -c --oneline --graph --all --decorate --no-decorate --max-count --skip --since ` +
  "--after --until --before --author --committer --grep --all-match --invert-grep --merges --no-merges --first-parent " +
  "--reverse --follow --format --pretty --date --abbrev-commit --branches --tags --remotes --topo-order --date-order " +
  "--left-right --cherry-pick --cherry --source --boundary --walk-reflogs --no-walk --show-signature --ancestry-path";

const exact = (words: string, flags: string): CommandForm => form(words, flags, { match: "exact" });

export const GIT_FORMS: readonly CommandForm[] = [
  form(
    "status",
    "-s -b -v -z -u# --short --branch --porcelain --long --untracked-files --ignored --show-stash --ahead-behind",
  ),
  form("diff", DIFF),
  form("log", LOG),
  form("show", LOG),
  form("shortlog", "-s -n -e --summary --numbered --email --since --until"),
  form("blame", "-s -e -w -l -t -L# --show-email --porcelain --line-porcelain --date --since"),
  form(
    "branch",
    "-a -r -v --list --all --remotes --verbose --show-current --merged --no-merged --contains --sort --format",
    { maxOperands: 0 },
  ),
  form("tag", "-l -n --list --sort --contains --merged --format", { maxOperands: 0 }),
  form("remote", "-v --verbose", { maxOperands: 0 }),
  form("remote get-url", "--push --all"),
  form("stash list", "--stat --oneline"),
  form("stash show", "-p --stat --patch --name-only"),
  form("worktree list", "--porcelain"),
  form("describe", "--tags --all --always --dirty --long --abbrev --match"),
  form(
    "rev-parse",
    "-q --verify --short --abbrev-ref --show-toplevel --git-dir --is-inside-work-tree --show-prefix --quiet",
  ),
  form("rev-list", "-# -n# --count --all --max-count --since --until --left-right --merges --no-merges --reverse"),
  form("merge-base", "--is-ancestor --all --fork-point"),
  form(
    "ls-files",
    "-c -d -m -o -i -s -u -z --cached --deleted --modified --others --stage --exclude-standard --full-name",
  ),
  form("ls-tree", "-r -d -t -l -z --name-only --long --full-tree"),
  form("cat-file", "-t -s -p -e"),
  form(
    "grep",
    "-n -i -l -c -w -v -E -F -P -h -H -q -e# -A# -B# -C# --line-number --ignore-case --name-only --count --word-regexp",
  ),
  form("add", "-A -u -v -n --all --update --verbose --dry-run --intent-to-add"),
  form("commit", "-m# -a -q -v --message --all --quiet --verbose --allow-empty --dry-run"),
  exact("push", "-u -n -v --set-upstream --tags --dry-run --verbose"),
  exact("pull", "-q --rebase --ff-only --quiet"),
  exact("fetch", "-p -q -t --all --prune --tags --quiet --dry-run"),
  exact("checkout", "-b# -q --quiet --detach"),
  exact("switch", "-c# -q --create --quiet --detach"),
  exact("restore", "-S -W -q --staged --worktree --source --quiet"),
  exact("merge", "-q --ff-only --no-ff --no-edit --abort --quiet"),
  exact("rebase", "-q --abort --continue --quiet"),
  form("stash", "-q -u --quiet --include-untracked", { match: "exact", maxOperands: 0 }),
  exact("stash push", "-q -u -m# --quiet --include-untracked --message"),
  exact("stash pop", "-q --quiet"),
  exact("cherry-pick", "-n -x --no-commit --abort --continue"),
  exact("revert", "-n --no-commit --no-edit --abort --continue"),
];
