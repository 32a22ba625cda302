/** `kernel mcp add`, `list` and `remove`: mcp.json of the share folder as people see it. */
import { homedir } from "node:os";
import { resolveShareDir } from "../src/kernel/config/share-dir.js";
import { KernelError } from "../src/kernel/errors.js";
import { type McpDocument, mcpFile, readMcpFile, writeMcpFile } from "../src/kernel/mcp/mcp-file.js";
import { OAuthStore } from "../src/kernel/mcp/oauth-store.js";
import { readServerEntries, readServerEntry, type ServerEntry } from "../src/kernel/mcp/server-entry.js";
import { mcpMessages as say } from "./mcp-messages.js";

export interface NewServer {
  name: string;
  /** Command and arguments, or the one URL. */
  words: readonly string[];
  transport: "stdio" | "http";
  /** `K=V`. */
  env: readonly string[];
  /** `K:V`. */
  header: readonly string[];
  oauth: boolean;
}

/** Adds or replaces one entry. Throws KernelError for a wrong combination or a file that cannot be used. */
export function addServer(server: NewServer): void {
  const entry = server.transport === "stdio" ? stdioEntry(server) : httpEntry(server);
  const { file, document } = open();
  const others = Object.entries(document.mcpServers);
  writeMcpFile(file, { ...document, mcpServers: Object.fromEntries([...others, [server.name, entry]]) });
  print(say.added(server.name, file));
}

export function listServers(): void {
  const { file, document, shareDir } = open();
  const entries = readServerEntries([document]);
  const lines = entries.map((entry) => describe(entry, shareDir));
  print([say.configFile(file), ...(lines.length === 0 ? [say.noServers] : lines)].join("\n"));
}

/** Gives the exit code. */
export function removeServer(name: string): number {
  const { file, document } = open();
  if (!Object.hasOwn(document.mcpServers, name)) return complain(say.notFound(name));
  const left = Object.entries(document.mcpServers).filter(([each]) => each !== name);
  writeMcpFile(file, { ...document, mcpServers: Object.fromEntries(left) });
  print(say.removed(name, file));
  return 0;
}

/** The entry of this name; null when there is none. */
export function findServer(name: string): { entry: ServerEntry | null; shareDir: string } {
  const { document, shareDir } = open();
  const isThere = Object.hasOwn(document.mcpServers, name);
  return { entry: isThere ? readServerEntry(name, document.mcpServers[name]) : null, shareDir };
}

/** Writes one sentence to stderr and gives exit code 1. */
export function complain(sentence: string): number {
  process.stderr.write(`${sentence}\n`);
  return 1;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function open(): { file: string; document: McpDocument; shareDir: string } {
  const shareDir = resolveShareDir(process.env, homedir());
  const file = mcpFile(shareDir);
  return { file, document: readMcpFile(file) ?? { mcpServers: {} }, shareDir };
}

function stdioEntry({ words, env, header, oauth }: NewServer): Record<string, unknown> {
  const [command, ...args] = words;
  if (command === undefined) return refuse(say.needsCommand);
  if (header.length > 0 || oauth) return refuse(say.onlyForHttp);
  return { command, args, ...(env.length === 0 ? {} : { env: pairs(env, "=") }) };
}

function httpEntry({ words, env, header, oauth }: NewServer): Record<string, unknown> {
  const [url] = words;
  if (url === undefined || words.length > 1) return refuse(say.needsUrl);
  if (env.length > 0) return refuse(say.onlyForStdio);
  return {
    url,
    transport: "http",
    ...(header.length === 0 ? {} : { headers: pairs(header, ":") }),
    ...(oauth ? { auth: "oauth" } : {}),
  };
}

function pairs(given: readonly string[], separator: "=" | ":"): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf(separator);
      if (at < 1) return refuse(say.needsPair(text, separator));
      const [key, value] = [text.slice(0, at), text.slice(at + 1)];
      return separator === ":" ? [key.trim(), value.trim()] : [key, value];
    }),
  );
}

function describe(entry: ServerEntry, shareDir: string): string {
  if (entry.kind === "broken") return say.broken(entry.name, entry.reason);
  if (entry.kind === "stdio") return say.stdioServer(entry.name, [entry.command, ...entry.args].join(" "));
  const wanted = entry.oauth && !new OAuthStore(shareDir, entry.url).hasTokens;
  return say.remoteServer(entry.name, entry.transport, entry.url) + (wanted ? say.authorizationHint(entry.name) : "");
}

function refuse(sentence: string): never {
  throw new KernelError("usage", sentence);
}
