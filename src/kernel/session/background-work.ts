/** What a conversation needs to know of work that goes on beside and between its turns. None of it throws. */
import type { ContentPart } from "../messages.js";

export interface BackgroundWork {
  /** Between TurnBegin and the first step. The first call also finds what an earlier kernel left. */
  turnBegan(): void;
  /** Just before TurnEnd, however the turn ended. */
  turnEnding(): void;
  /**
   * What the model was not told yet. The caller puts each into the conversation before it takes the next: only then does
   * it count as told.
   */
  takeMessages(): Iterable<ContentPart[]>;
}
