/**
 * Brings a real llama-server to this machine without root: Debian's own package, unpacked beside the host with its own
 * loader and libraries. The mirror is the one the machine's apt already uses, and apt checks the signatures.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const SUITE = "forky";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const FETCH_TIMEOUT_MS = 240_000;
const defaultFolder = fileURLToPath(new URL("../.cache/llama", import.meta.url));

/**
 * Gives the command of a runnable llama-server, fetching it once into `folder` (19 MB download, 118 MB on disk).
 * KERNEL_LLAMA_SERVER names another one. Never throws: what is missing comes back as one sentence in `unavailable`.
 * @param {{ folder?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ command: string } | { unavailable: string }>}
 */
export async function ensureLlamaServer({ folder = defaultFolder, env = process.env } = {}) {
  const named = env.KERNEL_LLAMA_SERVER;
  if (named) {
    return existsSync(named) ? { command: named } : { unavailable: `KERNEL_LLAMA_SERVER names no file: ${named}` };
  }
  const command = path.join(folder, "llama-server");
  if (existsSync(command)) return { command };
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { unavailable: `no llama-server package for ${process.platform}-${process.arch}` };
  }
  if (!existsSync(KEYRING)) return { unavailable: "no Debian keyring on this machine to check the package with" };
  try {
    await mkdir(folder, { recursive: true });
    const release = await takeTurn(path.join(folder, "fetching"), command);
    try {
      if (!existsSync(command)) await fetchInto(folder, command);
    } finally {
      await release();
    }
    return { command };
  } catch (error) {
    return { unavailable: `llama-server could not be fetched: ${firstLines(error)}` };
  }
}

async function fetchInto(folder, command) {
  const mirror = await debianMirror();
  for (const part of ["lists/partial", "cache/archives/partial", "root"]) {
    await mkdir(path.join(folder, part), { recursive: true });
  }
  const config = path.join(folder, "apt.conf");
  const sources = path.join(folder, "sources.list");
  await writeFile(path.join(folder, "status"), "");
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main\n`);
  await writeFile(
    config,
    [
      `Dir::Etc::sourcelist "${sources}";`,
      `Dir::Etc::sourceparts "/dev/null";`,
      `Dir::State "${folder}";`,
      `Dir::State::lists "${path.join(folder, "lists")}";`,
      `Dir::State::status "${path.join(folder, "status")}";`,
      `Dir::Cache "${path.join(folder, "cache")}";`,
      'Acquire::Languages "none";',
      'APT::Sandbox::User "";',
      'Debug::NoLocking "1";',
      "",
    ].join("\n"),
  );
  const apt = (...args) =>
    run("apt-get", ["-qq", ...args], { env: { ...process.env, APT_CONFIG: config }, timeout: FETCH_TIMEOUT_MS });
  await apt("update");
  await apt("--no-install-recommends", "-y", "--download-only", "install", "llama.cpp-tools", "patchelf");
  const archives = path.join(folder, "cache/archives");
  const root = path.join(folder, "root");
  for (const name of await readdir(archives)) {
    if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", path.join(archives, name), root]);
  }
  await makeCommand(root, command);
}

// The host's libc may be older than the package's, so the program is patched to use the unpacked loader.
async function makeCommand(root, command) {
  const libraries = path.join(root, "usr/lib/x86_64-linux-gnu");
  const loader = path.join(root, "usr/lib64/ld-linux-x86-64.so.2");
  const program = path.join(root, "usr/bin/llama-server");
  const patchelf = path.join(root, "usr/bin/patchelf");
  await run(loader, ["--library-path", libraries, patchelf, "--set-interpreter", loader, program]);
  const backend = path.join(libraries, "ggml/backends0/libggml-cpu-x64.so");
  const script = [
    "#!/bin/sh",
    `export LD_LIBRARY_PATH='${libraries}:${libraries}/llama'`,
    `: "\${GGML_BACKEND_PATH:=${backend}}"; export GGML_BACKEND_PATH`,
    `exec '${program}' "$@"`,
    "",
  ].join("\n");
  await writeFile(`${command}.new`, script);
  await chmod(`${command}.new`, 0o755);
  await run(`${command}.new`, ["--version"], { timeout: 30_000 });
  await rename(`${command}.new`, command);
}

async function debianMirror() {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
  const mirror = stdout.split("\n").find((line) => line.trim() !== "" && !line.includes("security"));
  if (mirror === undefined) throw new Error("no Debian source is known here; run apt-get update once");
  return mirror.trim();
}

// Test workers start together: one fetches, the others wait for its result.
async function takeTurn(lock, command) {
  const deadline = Date.now() + FETCH_TIMEOUT_MS;
  while (Date.now() < deadline) {
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      return () => rm(lock, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (existsSync(command)) return async () => {};
    const holder = Number(await readFile(lock, "utf8").catch(() => ""));
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
    await wait(250);
  }
  throw new Error("another process has been fetching it for too long");
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function firstLines(error) {
  const text = String(error?.stderr || error?.message || error);
  return text.trim().split("\n").slice(0, 2).join(" ");
}
