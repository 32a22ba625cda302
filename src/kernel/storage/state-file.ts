/** state.json of a session. Other programs edit title and archive fields, so those are read again before each write. */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import type { TodoItem } from "../tools/tool.js";
import { quietly, replaceFile } from "./checked-write.js";
import type { FileOperations } from "./file-operations.js";
import { asObject, parseObject } from "./line-json.js";
import type { RecoveredBytes } from "./recovered-bytes.js";
import type { SessionState, SessionStateData } from "./session-state.js";
import { parkedError } from "./storage-error.js";

/** Fields that other programs write as well. */
const SHARED = [
  "custom_title",
  "title_generated",
  "title_generate_attempts",
  "wire_mtime",
  "archived",
  "archived_at",
  "auto_archive_exempt",
] as const satisfies readonly (keyof SessionStateData)[];

export interface StateFileOptions {
  readonly ops: FileOperations;
  /** state.json */
  readonly path: string;
  /** metadata.json of old kernels. */
  readonly legacyPath: string;
  readonly recovered: RecoveredBytes;
  readonly logger: Logger;
}

/** Reads the state at once; a missing file gives the defaults, a damaged one too, with a sentence in `notices`. */
export class StateFile implements SessionState {
  readonly #options: StateFileOptions;
  readonly notices: string[] = [];
  #data: SessionStateData;
  #parked = false;

  constructor(options: StateFileOptions) {
    this.#options = options;
    this.#data = this.#read().data;
  }

  get data(): Readonly<SessionStateData> {
    return this.#data;
  }

  /** Reads the file again, for a session that was waited for. */
  refresh(): void {
    this.#data = this.#read().data;
  }

  /**
   * Changes fields and replaces the file. The fields of other programs are taken from the file, unless changed here.
   * Throws KernelError `storage_full` or `storage_failed`; the change then holds in memory only. `kernel_stopped` once
   * the session is parked; then nothing has changed.
   */
  update(change: Partial<SessionStateData>): void {
    if (this.#parked) throw parkedError();
    const { ops, path, legacyPath, recovered } = this.#options;
    const found = this.#read();
    const next: SessionStateData = { ...this.#data };
    for (const key of SHARED) Object.assign(next, { [key]: found.data[key] });
    Object.assign(next, change);
    this.#data = next;
    if (found.damaged !== null) recovered.keep(path, found.damaged);
    const text = JSON.stringify({ ...next, ...found.unknown }, null, 2);
    ops.mkdir(dirname(path));
    const place = { path, temporary: `${path}.new`, folder: dirname(path) };
    replaceFile(ops, place, Buffer.from(text, "utf8"), "the session state");
    if (found.legacy) quietly(() => ops.unlink(legacyPath));
  }

  /** From now on every change throws. */
  park(): void {
    this.#parked = true;
  }

  /** Moves what a legacy metadata.json holds into state.json. Failures are logged and change nothing. */
  migrate(): void {
    if (!fs.existsSync(this.#options.legacyPath)) return;
    try {
      this.update({});
    } catch (error) {
      this.#options.logger.warn({ error: errorMessage(error) }, "metadata.json could not be merged into state.json");
    }
  }

  #read() {
    const { path, legacyPath } = this.#options;
    const bytes = readIfThere(path);
    const found = bytes === null ? null : parseObject(bytes.toString("utf8"));
    const damaged = bytes !== null && found === null ? bytes : null;
    if (damaged !== null && this.notices.length === 0) {
      this.notices.push("state.json of the session could not be read; the defaults are used.");
    }
    const legacy = parseObject(readIfThere(legacyPath)?.toString("utf8") ?? "");
    const merged: Record<string, unknown> = { ...found };
    if (legacy !== null) {
      for (const key of SHARED) merged[key] ??= legacy[key];
      merged.custom_title ??= legacy.title;
    }
    return { data: stateOf(merged), unknown: unknownOf(merged), damaged, legacy: legacy !== null };
  }
}

function stateOf(fields: Readonly<Record<string, unknown>>): SessionStateData {
  const approval = asObject(fields.approval) ?? {};
  return {
    version: 1,
    approval: {
      ...approval,
      yolo: approval.yolo === true,
      afk: approval.afk === true,
      auto_approve_actions: strings(approval.auto_approve_actions),
    },
    additional_dirs: strings(fields.additional_dirs),
    custom_title: textOrNull(fields.custom_title),
    title_generated: fields.title_generated === true,
    title_generate_attempts: numberOrNull(fields.title_generate_attempts) ?? 0,
    plan_mode: fields.plan_mode === true,
    plan_session_id: textOrNull(fields.plan_session_id),
    plan_slug: textOrNull(fields.plan_slug),
    wire_mtime: numberOrNull(fields.wire_mtime),
    archived: fields.archived === true,
    archived_at: numberOrNull(fields.archived_at),
    auto_archive_exempt: fields.auto_archive_exempt === true,
    todos: todoItems(fields.todos),
    grants: Array.isArray(fields.grants) ? fields.grants : [],
  };
}

function unknownOf(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = new Set(Object.keys(stateOf({})));
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !known.has(key)));
}

function todoItems(value: unknown): TodoItem[] {
  const items: TodoItem[] = [];
  for (const entry of Array.isArray(value) ? value : []) {
    const item = asObject(entry);
    if (typeof item?.title !== "string") continue;
    const status = item.status === "in_progress" || item.status === "done" ? item.status : "pending";
    items.push({ title: item.title, status });
  }
  return items;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function readIfThere(path: string): Buffer | null {
  try {
    return fs.readFileSync(path);
  } catch {
    return null;
  }
}
