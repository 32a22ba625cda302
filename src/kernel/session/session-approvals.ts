/** The approval gate of one session: its stored grants and modes, the command parser, and the way to the client. */
import { delay } from "../abort.js";
import { ApprovalGate } from "../approval/approval-gate.js";
import { lazyCommandParser } from "../approval/command-parser.js";
import { grammarFiles } from "../approval/grammar-files.js";
import type { Places } from "../approval/path-guard.js";
import type { ApprovalMode } from "../approval/policy.js";
import { createProgramLookup } from "../approval/program-lookup.js";
import { SessionGrants } from "../approval/session-grants.js";
import { ignoredActionsNotice, parseGrants } from "../approval/stored-grants.js";
import type { Logger } from "../logger.js";
import type { TurnRecorder } from "../turn/turn-recorder.js";
import { approvalChannel } from "./approval-requests.js";

/** Who asks for nothing for so long is a person, or has no need of a fast answer. */
const REST_MS = 200;

export interface SessionApprovalsDeps {
  recorder: TurnRecorder;
  logger: Logger;
  places: Places;
  homeDir: string;
  /** PATH that tool processes get. */
  path: string;
  mode: ApprovalMode;
}

export interface SessionApprovals {
  gate: ApprovalGate;
  /**
   * Loads the command parser after a rest, so that the first question does not wait for it; not when the session is busy
   * then, nor once it is closed: loading takes tens of milliseconds, which short lives need not pay. Never throws.
   */
  warmUp(isBusy: () => boolean): Promise<void>;
  /** Rejects what is pending and frees the parser. */
  close(): void;
  /** Flips automatic approval (yolo) or "nobody is there" (afk), stores it with the session and gives the new state. */
  toggleMode(name: keyof ApprovalMode): boolean;
}

/** Builds the gate. Stored grants that cannot be read are dropped, with a line in the log. */
export function sessionApprovals(deps: SessionApprovalsDeps): SessionApprovals {
  const { recorder, logger, places } = deps;
  const { state } = recorder.log;
  const { grants, notices } = parseGrants(state.data.grants, places.workDir);
  const ignored = ignoredActionsNotice(state.data.approval.auto_approve_actions);
  for (const notice of [...notices, ...(ignored === null ? [] : [ignored])]) logger.warn({}, notice);
  const closing = new AbortController();
  const parser = lazyCommandParser({ grammar: () => grammarFiles(import.meta.url), logger });
  const gate = new ApprovalGate({
    ...approvalChannel(recorder),
    logger,
    mode: deps.mode,
    grants: new SessionGrants({
      initial: grants,
      save: (list) => state.update({ grants: [...list] }),
      logger,
      parse: (command) => parser.parse(command),
      homeDir: deps.homeDir,
      places,
      findProgram: createProgramLookup(deps.path),
    }),
  });
  return {
    gate,
    warmUp: async (isBusy) => {
      const rested = await delay(REST_MS, closing.signal).then(
        () => !isBusy(),
        () => false,
      );
      if (rested) await parser.parse("true");
    },
    close: () => {
      closing.abort();
      gate.close();
      parser.close();
    },
    toggleMode: (name) => {
      const on = !gate.mode[name];
      state.update({ approval: { ...state.data.approval, [name]: on } });
      gate.setMode({ ...gate.mode, [name]: on });
      return on;
    },
  };
}
