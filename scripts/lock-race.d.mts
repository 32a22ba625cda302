export interface RaceFigures {
  rounds: number;
  /** Racers that could write. */
  writers: number;
  /** Racers that were told that the session is locked. */
  refused: number;
  /** Refused racers that could replay. */
  replays: number;
  /** Refused racers that became the writer after the first one ended. */
  takeovers: number;
  /** One sentence for everything that went wrong. */
  problems: string[];
}

export function raceForSessions(options: {
  command: string[];
  racers: number;
  rounds: number;
  parallel?: number;
  deadline?: number;
  onRound?: (done: number) => void;
}): Promise<RaceFigures>;
