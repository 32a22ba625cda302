/** Plan mode of one session: on or off, its plan file, and what the client is told. state.json keeps it. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { quietly } from "../storage/checked-write.js";
import type { SessionState, SessionStateData } from "../storage/session-state.js";
import { storageError } from "../storage/storage-error.js";
import type { PlanMode } from "../tools/services/plan-mode.js";
import { readFileBounded } from "../tools/support/file-state.js";
import { followLinks } from "../tools/support/workspace-path.js";
import type { Recorder } from "../turn/recorder.js";
import { planModeUpdate } from "../turn/status-update.js";

const FOLDER = "plans";
const FOLDER_MODE = 0o700;
/** A plan is for a person to read. */
const MAX_PLAN_BYTES = 256 * 1024;
const MAX_ROUNDS = 1_000;
/** The slug of a stored session is a file name by itself, whatever wrote it. */
const SLUG = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

export interface SessionPlanModeDeps {
  state: SessionState;
  recorder: Pick<Recorder, "event">;
  sessionId: string;
  /** Absolute. */
  shareDir: string;
  /** Whether the client said that it knows plan mode. */
  supported: () => boolean;
  /** How the session begins: `always` also when it is resumed, `new` only when nothing is stored yet. */
  start: { always: boolean; new: boolean };
}

/** Changes throw KernelError `storage_full` or `storage_failed`, and then the mode is as it was. */
export class SessionPlanMode implements PlanMode {
  readonly #deps: SessionPlanModeDeps;
  /** True from the first decision on: the start's own wish no longer counts. */
  #decided = false;
  #untold = false;

  constructor(deps: SessionPlanModeDeps) {
    this.#deps = deps;
  }

  get supported(): boolean {
    return this.#deps.supported();
  }

  get active(): boolean {
    return this.#deps.state.data.plan_mode;
  }

  get planFile(): string {
    return join(this.#deps.shareDir, ...this.#place());
  }

  /** The plan file with the links of the share folder followed, but none inside it: a planted link is another file. */
  async realPlanFile(): Promise<string> {
    return join(await followLinks(this.#deps.shareDir), ...this.#place());
  }

  /**
   * Called when the session is held and before its first turn: applies flag and default, makes the folder. `goesOn`: with
   * a turn of an earlier kernel, which has applied them.
   */
  begin(isNew: boolean, goesOn = false): void {
    const { start } = this.#deps;
    if (!this.#decided && !goesOn && (start.always || (start.new && isNew))) this.#change(true);
    else if (this.active) this.#openRound();
    this.#decided = true;
    this.#untold = false;
  }

  set(active: boolean): void {
    this.#decided = true;
    if (active === this.active) return;
    this.#change(active);
    this.#untold = true;
  }

  finish(): void {
    this.#decided = true;
    this.#store({ plan_mode: false, plan_session_id: null });
    this.#untold = true;
  }

  /** Tells the client how the mode is now. */
  announce(): void {
    this.#deps.recorder.event("StatusUpdate", planModeUpdate(this.active));
    this.#untold = false;
  }

  /** Tells the client of a change that it was not told of yet. */
  announceChange(): void {
    if (this.#untold) this.announce();
  }

  async read(signal: AbortSignal): Promise<string | null> {
    if (this.#slug() === null) return null;
    const bytes = await readFileBounded(await this.realPlanFile(), MAX_PLAN_BYTES, signal);
    return bytes === null ? null : bytes.toString("utf8");
  }

  display(content: string): void {
    this.#deps.recorder.event("PlanDisplay", { content, file_path: this.planFile });
  }

  /** Deletes the plan; the mode stays. A plan that is not there is no error. */
  clear(): void {
    if (this.#slug() === null) return;
    try {
      unlinkSync(this.planFile);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw storageError(error, "the plan file");
    }
  }

  #place(): readonly [string, string] {
    return [FOLDER, `${this.#slug() ?? "plan"}.md`];
  }

  #slug(): string | null {
    const { plan_slug: slug } = this.#deps.state.data;
    return slug !== null && SLUG.test(slug) ? slug : null;
  }

  /** Named after the session, so that a person finds it; a plan that lies there already is kept. */
  #freeSlug(): string {
    const base = slugOf(this.#deps.sessionId);
    const taken = (slug: string) => existsSync(join(this.#deps.shareDir, FOLDER, `${slug}.md`));
    let slug = base;
    for (let n = 2; taken(slug) && n <= MAX_ROUNDS; n += 1) slug = `${base}-${n}`;
    return slug;
  }

  #change(active: boolean): void {
    if (active) this.#openRound();
    else this.#store({ plan_mode: false });
  }

  /** A plan that was neither approved nor given up is gone on with; else a new one begins. */
  #openRound(): void {
    try {
      mkdirSync(join(this.#deps.shareDir, FOLDER), { recursive: true, mode: FOLDER_MODE });
    } catch (error) {
      throw storageError(error, "the folder of plans");
    }
    const slug = this.#slug();
    const goesOn = this.#deps.state.data.plan_session_id !== null && slug !== null;
    const round = goesOn ? {} : { plan_session_id: hexId(), plan_slug: this.#freeSlug() };
    if (!goesOn || !this.active) this.#store({ ...round, plan_mode: true });
  }

  #store(change: Partial<SessionStateData>): void {
    const { state } = this.#deps;
    const { plan_mode, plan_session_id, plan_slug } = state.data;
    try {
      state.update(change);
    } catch (error) {
      // The file still says what it said; memory must not say anything else.
      quietly(() => state.update({ plan_mode, plan_session_id, plan_slug }));
      throw error;
    }
  }
}

function hexId(): string {
  return randomUUID().replaceAll("-", "");
}

/** A session id is a file name, but may be long or hold what a slug may not. */
function slugOf(sessionId: string): string {
  if (sessionId.length <= 80 && SLUG.test(sessionId)) return sessionId;
  return `plan-${createHash("sha256").update(sessionId).digest("hex").slice(0, 32)}`;
}
