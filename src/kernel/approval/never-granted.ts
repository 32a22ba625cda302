/**
 * Data: programs whose arguments say what runs, that act beyond the files of a project, or that change the shell they
 * run in. No grant covers them; each call is asked for.
 */
const NEVER = `
  sh bash zsh dash ash ksh mksh fish csh tcsh rbash pwsh powershell cmd command busybox toybox
  eval exec source . builtin alias unalias hash enable trap set shopt export declare typeset local readonly unset let
  read mapfile readarray getopts ulimit umask wait jobs bg fg disown bind complete compgen history fc printenv coproc time
  pushd popd dirs return exit logout break continue shift suspend caller times
  sudo sudoedit su doas pkexec runuser setpriv capsh chroot unshare nsenter bwrap firejail systemd-run newgrp sg
  env xargs parallel nohup setsid timeout nice ionice chrt taskset stdbuf unbuffer strace ltrace gdb lldb script expect
  watch entr flock prlimit linux32 linux64 setarch faketime fakeroot proot ld.so
  ssh scp sftp rsync ssh-add ssh-keygen ssh-agent ssh-copy-id telnet nc ncat netcat socat ftp lftp tftp curl wget aria2c
  http https rclone s3cmd aws gcloud az gsutil terraform tofu pulumi helm ansible ansible-playbook vagrant podman nerdctl
  rm rmdir unlink shred mv cp dd chmod chown chgrp chattr setfacl setcap ln link install truncate mkfifo mknod tee split
  csplit patch mkfs mkfs.ext4 mkfs.xfs mkfs.vfat mke2fs fdisk parted mount umount losetup sync swapon swapoff
  kill pkill killall fuser reboot shutdown halt poweroff init telinit systemctl service rc-service launchctl initctl
  crontab at batch atd anacron loginctl systemd-analyze defaults scutil networksetup
  passwd useradd usermod userdel groupadd chsh chfn visudo vipw iptables nft ip ifconfig route sysctl modprobe insmod rmmod
  awk gawk mawk nawk busybox-awk ed ex vi vim nvim view vimdiff emacs nano pico joe micro code
  less more most man info pinfo lynx w3m open xdg-open
  tar bsdtar zip unzip 7z 7za rar unrar cpio ar pax gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd
  openssl gpg gpg2 security pass keyctl
  apt apt-get aptitude dpkg yum dnf rpm pacman zypper apk brew port snap flatpak nix nix-env nix-shell pip pipx gem twine
  corepack
  psql mysql mariadb sqlite sqlite3 redis-cli mongo mongosh
  m4 tclsh wish osascript dc bc gnuplot ghc runghc scala kotlin groovy jshell julia octave r rscript elixir iex erl escript
`;

const NEVER_GRANTED: ReadonlySet<string> = new Set(NEVER.split(/\s+/).filter((name) => name !== ""));

/** Interpreters: a grant pins the whole argv, and only when that names a script file of the workspace. */
const INTERPRETERS: ReadonlySet<string> = new Set(
  "node nodejs python pypy ruby perl php lua luajit deno bun tsx ts-node java".split(" "),
);

/** Modules that `python -m` may run under a grant that pins the whole argv. */
const PYTHON_MODULES: ReadonlySet<string> = new Set("pytest unittest mypy ruff black isort flake8 pyright".split(" "));

/** The names a program goes by: without folder and `.exe`, in lower case, with and without a version at its end. */
function names(program: string): string[] {
  const base = (program.split(/[/\\]/).at(-1) ?? program).toLowerCase().replace(/\.exe$/, "");
  return [base, base.replace(/[-_.]?\d[\d.]*$/, "")];
}

/** True when no grant may cover the program, however it is spelled. */
export function isNeverGranted(program: string): boolean {
  return names(program).some((name) => NEVER_GRANTED.has(name) || name === "");
}

/** True for a program that runs code from its arguments or a file. */
export function isInterpreter(program: string): boolean {
  return names(program).some((name) => INTERPRETERS.has(name));
}

/**
 * The script that an interpreter's arguments name (null for a known module or test run instead), or "unsafe" when they
 * hold code, options or nothing.
 */
export function interpreterScript(argv: readonly string[]): string | null | "unsafe" {
  const [program = "", first, second] = argv;
  const options = argv.slice(2).some((argument) => argument.startsWith("-"));
  if (first === "--version" && argv.length === 2) return null;
  if (first === "--test" && names(program).includes("node") && !options) return null;
  if (first === "-m" && names(program).includes("python") && PYTHON_MODULES.has(second ?? "")) return null;
  // deno and bun have subcommands where the others have a script.
  if (first === undefined || !/^[^-].*\.[a-z]+$/i.test(first)) return "unsafe";
  return first;
}
