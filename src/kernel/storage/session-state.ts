/** state.json of a session, keys as wire.md 4.3; `grants` is our own key. Other programs edit title and archive fields. */
import type { TodoItem } from "../tools/tool.js";

export interface SessionStateData {
  version: 1;
  approval: { yolo: boolean; afk: boolean; auto_approve_actions: string[] };
  /** Session grants in the form of `approval/grants.ts`; our own key. */
  grants: unknown[];
  additional_dirs: string[];
  custom_title: string | null;
  title_generated: boolean;
  title_generate_attempts: number;
  plan_mode: boolean;
  plan_session_id: string | null;
  plan_slug: string | null;
  wire_mtime: number | null;
  archived: boolean;
  archived_at: number | null;
  auto_archive_exempt: boolean;
  todos: TodoItem[];
}

export interface SessionState {
  readonly data: Readonly<SessionStateData>;
  /** Changes fields and writes the file atomically; title and archive fields are read again first. */
  update(change: Partial<SessionStateData>): void;
}
