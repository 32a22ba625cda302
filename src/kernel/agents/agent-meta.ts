/** meta.json of a subagent: who it is and what it does now. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../storage/checked-write.js";
import type { FileOperations } from "../storage/file-operations.js";
import { parseObject } from "../storage/line-json.js";

export type AgentStatus = "running_foreground" | "running_background" | "idle" | "failed" | "killed";

export interface AgentMeta {
  agent_id: string;
  subagent_type: string;
  status: AgentStatus;
  description: string;
  /** Seconds since the epoch. */
  created_at: number;
  updated_at: number;
  last_task_id: string | null;
  launch_spec: {
    agent_id: string;
    subagent_type: string;
    model_override: string | null;
    effective_model: string | null;
    created_at: number;
  };
}

const AGENT_ID = /^a[0-9a-f]{8}$/;

/** A fresh id. */
export function newAgentId(): string {
  return `a${randomBytes(4).toString("hex")}`;
}

/** True for a text that names an agent and therefore may be a folder's name. */
export function isAgentId(text: string): boolean {
  return AGENT_ID.test(text);
}

/** The description of an agent's folder; null when there is none that can be read. */
export function readAgentMeta(dir: string): AgentMeta | null {
  let value: Record<string, unknown> | null;
  try {
    value = parseObject(readFileSync(join(dir, "meta.json"), "utf8"));
  } catch {
    return null;
  }
  if (typeof value?.agent_id !== "string" || typeof value.subagent_type !== "string") return null;
  return value as unknown as AgentMeta;
}

/** Replaces the file whole. Throws KernelError. */
export function writeAgentMeta(ops: FileOperations, dir: string, meta: AgentMeta): void {
  const path = join(dir, "meta.json");
  const bytes = Buffer.from(`${JSON.stringify(meta, null, 2)}\n`);
  replaceFile(ops, { path, temporary: `${path}.new`, folder: dir }, bytes, "a subagent's meta.json");
}
