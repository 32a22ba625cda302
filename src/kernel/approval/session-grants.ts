import { errorMessage } from "../errors.js";
import type { Logger } from "../logger.js";
import type { GrantSubject } from "../tools/tool.js";
import { describeGrant, type Grant, type GrantDeps, grantsHold, proposeGrant } from "./grants.js";
import type { PathGuard } from "./path-guard.js";
import { guardOfSubject } from "./path-guard.js";
import { grantId } from "./stored-grants.js";

export interface ListedGrant {
  id: string;
  grant: Grant;
  /** One phrase for a person. */
  text: string;
}

export interface SessionGrantsDeps extends GrantDeps {
  initial: readonly Grant[];
  /** Stores the whole list durably before it returns; may throw, and then the change does not take place. */
  save(grants: readonly Grant[]): void;
  logger: Logger;
  /** Milliseconds a judgement may take (a dead network folder), after which it is a no. Default 2,000. */
  judgeMs?: number;
}

/** What is known of a subject before it is decided on. */
export interface Judgement {
  covered: boolean;
  proposed: Grant | null;
  guard: PathGuard | null;
}

/** The grants of one session. `version` changes with the list, so that a judgement can be told from a stale one. */
export class SessionGrants {
  readonly #deps: SessionGrantsDeps;
  #grants: ReadonlyMap<string, Grant>;
  #version = 0;

  constructor(deps: SessionGrantsDeps) {
    this.#deps = deps;
    this.#grants = new Map(deps.initial.map((grant) => [grantId(grant), grant]));
  }

  get version(): number {
    return this.#version;
  }

  list(): ListedGrant[] {
    return [...this.#grants].map(([id, grant]) => ({ id, grant, text: describeGrant(grant) }));
  }

  /** True when the list changed: the grant is new and was stored. */
  add(grant: Grant): boolean {
    const id = grantId(grant);
    return !this.#grants.has(id) && this.#replace(new Map([...this.#grants, [id, grant]]));
  }

  /** False for an unknown id, or when the change could not be stored. */
  revoke(id: string): boolean {
    const left = new Map(this.#grants);
    return left.delete(id) && this.#replace(left);
  }

  #replace(next: ReadonlyMap<string, Grant>): boolean {
    try {
      this.#deps.save([...next.values()]);
    } catch (error) {
      this.#deps.logger.error({ error: errorMessage(error) }, "session grants could not be stored");
      return false;
    }
    this.#grants = next;
    this.#version += 1;
    return true;
  }

  /** Judges a subject against the grants of this moment. Never rejects; too late or failed is not covered. */
  judge(subject: GrantSubject): Promise<Judgement> {
    const granted = [...this.#grants.values()];
    return this.#bounded(subject, async () => {
      const [proposed, guard] = await Promise.all([
        proposeGrant(subject, this.#deps),
        guardOfSubject(subject, this.#deps.places),
      ]);
      const covered = proposed !== null && (await grantsHold(granted, proposed, this.#deps));
      return { covered, proposed, guard };
    });
  }

  /** Only what the subject's path guards: enough when the mode approves anyway. Never rejects. */
  judgeGuard(subject: GrantSubject): Promise<Judgement> {
    return this.#bounded(subject, async () => {
      return { covered: false, proposed: null, guard: await guardOfSubject(subject, this.#deps.places) };
    });
  }

  async #bounded(subject: GrantSubject, judge: () => Promise<Judgement>): Promise<Judgement> {
    const ms = this.#deps.judgeMs ?? 2_000;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${ms} ms`)), ms);
      timer.unref();
    });
    try {
      return await Promise.race([judge(), late]);
    } catch (error) {
      this.#deps.logger.warn({ error: errorMessage(error) }, "an action could not be judged");
      return { covered: false, proposed: null, guard: "path" in subject ? "unknown" : null };
    } finally {
      clearTimeout(timer);
    }
  }
}
