/** Brings the ends of background tasks to the client while a turn runs, and to the model at its next step. */
import type { BackgroundConfig } from "../config/config.js";
import { errorMessage } from "../errors.js";
import type { Hooks } from "../hooks/hooks.js";
import type { Logger } from "../logger.js";
import type { ContentPart } from "../messages.js";
import type { BackgroundWork } from "../session/background-work.js";
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
