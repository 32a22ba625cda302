/** What a conversation needs to know of work that goes on beside and between its turns. None of it throws. */
import type { ContentPart } from "../messages.js";

export interface BackgroundWork {
  /** The session is held from now on: reads what an earlier kernel left. Called once, before the first turn. */
  open(): void;
  /** Between TurnBegin and the first step. */
  turnBegan(): void;
  /** Just before TurnEnd, however the turn ended. */
  turnEnding(): void;
  /** What the model was not told yet; the caller puts each into the conversation. */
  takeMessages(): ContentPart[][];
}
