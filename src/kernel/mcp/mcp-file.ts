/** mcp.json of the share folder, which people, editors and `kernel mcp` change. */
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { errorMessage, KernelError } from "../errors.js";
import { replaceFile } from "../storage/checked-write.js";
import { nodeFileOperations } from "../storage/file-operations.js";

export interface McpDocument {
  mcpServers: Record<string, unknown>;
  [key: string]: unknown;
}

export function mcpFile(shareDir: string): string {
  return join(shareDir, "mcp.json");
}

/** Gives the document; null when there is no file. Throws KernelError `config_invalid` when it cannot be used. */
export function readMcpFile(file: string): McpDocument | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw invalid(file, errorMessage(error), error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(file, "it is not valid JSON", error);
  }
  if (!isTable(value) || !isTable(value.mcpServers ?? {})) {
    throw invalid(file, "an object with mcpServers is expected");
  }
  return { ...value, mcpServers: (value.mcpServers ?? {}) as Record<string, unknown> };
}

/** Replaces the file as a whole, readable for its owner only: entries may hold keys. Throws KernelError. */
export function writeMcpFile(file: string, document: McpDocument): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const bytes = Buffer.from(JSON.stringify(document, null, 2));
  replaceFile(nodeFileOperations, { path: file, temporary: `${file}.tmp`, folder }, bytes, "mcp.json");
}

function invalid(file: string, reason: string, cause?: unknown): KernelError {
  return new KernelError("config_invalid", `Invalid MCP configuration file ${file}: ${reason}`, { cause });
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
