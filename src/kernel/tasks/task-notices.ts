/** Brings the ends of background tasks to the client while a turn runs, and to the model at its next step. */
import type { BackgroundConfig } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { Hooks } from "../hooks/hooks.js";
import type { Logger } from "../logger.js";
import type { ContentPart } from "../messages.js";
import type { BackgroundWork } from "../session/background-work.js";
import { parseObject } from "../storage/line-json.js";
import type { WireRecord } from "../storage/replay.js";
import type { Recorder } from "../turn/recorder.js";
import { notificationText, tailOf, taskNotification } from "./notification.js";
import type { TaskRegistry } from "./task-registry.js";

const INTERVAL_MS = 1_000;
/** UTF-8 takes at most this many bytes for one UTF-16 unit. */
const BYTES_PER_CHAR = 3;

export interface TaskNoticesDeps {
  registry: TaskRegistry;
  recorder: Recorder;
  hooks: Pick<Hooks, "notified">;
  config: BackgroundConfig;
  /** Everything that was ever recorded for a client, in order; read lazily. */
  records: () => Iterable<WireRecord>;
  logger: Logger;
  intervalMs?: number;
}

export class TaskNotices implements BackgroundWork {
  readonly #deps: TaskNoticesDeps;
  #timer: NodeJS.Timeout | undefined;
  #opened = false;

  constructor(deps: TaskNoticesDeps) {
    this.#deps = deps;
  }

  turnBegan(): void {
    this.#guarded("the tasks of earlier kernels could not be read", () => {
      if (this.#opened) return;
      this.#deps.registry.open();
      this.#opened = true;
      this.#recall();
    });
    this.#show();
    this.#timer = setInterval(() => this.#show(), this.#deps.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  turnEnding(): void {
    clearInterval(this.#timer);
    this.#show();
  }

  *takeMessages(): Generator<ContentPart[], void, void> {
    const { registry, config, hooks } = this.#deps;
    const failed = "the model could not be told of a background task";
    for (const record of registry.unannounced("told")) {
      let text = "";
      this.#guarded(failed, () => {
        const { notification_tail_lines: lines, notification_tail_chars: chars } = config;
        text = notificationText(record, tailOf(registry.tail(record, chars * BYTES_PER_CHAR), lines, chars));
      });
      if (text === "") continue;
      yield [{ type: "text", text }];
      this.#guarded(failed, () => registry.announced(record, "told"));
      hooks.notified({ sink: "llm", ...taskNotification(record) });
    }
  }

  /** A kernel may have died between the event and the note in the task's own file that it was shown. */
  #recall(): void {
    const { registry, records } = this.#deps;
    const waiting = new Map(registry.unannounced("shown").map((record) => [record.notification_id, record]));
    if (waiting.size === 0) return;
    for (const { type, json } of records()) {
      const record = type === "Notification" ? waiting.get(String(parseObject(json)?.id)) : undefined;
      if (record !== undefined) registry.announced(record, "shown");
    }
  }

  #show(): void {
    const { registry, recorder, hooks } = this.#deps;
    this.#guarded("the client could not be told of a background task", () => {
      for (const record of registry.unannounced("shown")) {
        const notification = taskNotification(record);
        recorder.event("Notification", notification);
        registry.announced(record, "shown");
        hooks.notified({ sink: "wire", ...notification });
      }
    });
  }

  #guarded(failed: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#deps.logger.warn({ error: errorMessage(error) }, failed);
    }
  }
}
