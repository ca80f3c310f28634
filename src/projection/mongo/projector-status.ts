import type { ScrubFigures } from "./scrub.js";
import type { SeriesStatus } from "./series-projection.js";

export interface ProjectorStatus {
  readonly state: "running" | "retrying" | "halted";
  /** Epoch milliseconds: since when. */
  readonly since: number;
  readonly lastError: string | null;
  /** Cycles that ended with an error since the start of this projector. */
  readonly errors: number;
  readonly checkpoint: number;
  /** Hits of the log that the database has not confirmed. */
  readonly lag: number;
  readonly blocked: ReadonlyMap<string, string>;
  /** Epoch milliseconds: when the database last answered; 0 for never. */
  readonly asOf: number;
  readonly scrub: ScrubFigures;
  readonly series: SeriesStatus;
}
