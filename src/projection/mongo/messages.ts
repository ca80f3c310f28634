import type { SeriesLimits } from "../series/series.js";
import type { ScrubFigures } from "./scrub.js";

/** The settings of a MongoDB projection, wherever it runs. */
export interface ProjectionSettings {
  readonly directory: string;
  readonly logId: string;
  readonly url: string;
  readonly database: string | undefined;
  /** Updates in one command at most. */
  readonly maxOps: number;
  readonly series?: SeriesLimits;
  /** Other logs' hits in the newest snapshot: only changes of these are reported. */
  readonly remote: ReadonlyMap<string, number>;
}

/** The settings that the server gives the thread of its projection. */
export interface ProjectorSetup extends ProjectionSettings {
  /** The log's durable end, shared with the writer. */
  readonly sharedEnd: SharedArrayBuffer;
}

export type ToProjector = { readonly type: "stop"; readonly withinMs: number };

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

export interface SeriesStatus {
  /** Counters' days that owe something, or may. */
  readonly owed: number;
  /** Those of them whose document nothing can be done with. */
  readonly blocked: number;
  /** Scrubs of all documents that have ended. */
  readonly passes: number;
}

/** The state of the projection, and what has changed since the last report. */
export interface ProjectorReport {
  readonly type: "report";
  readonly status: ProjectorStatus;
  /** Counters with the count of their slot as the database has confirmed it. */
  readonly confirmed: readonly (readonly [name: string, count: number])[];
  /** Counters with other logs' hits. */
  readonly remote: readonly (readonly [name: string, count: number])[];
}

export type FromProjector =
  | ProjectorReport
  /** Everything owed has been reported: from now on reads are right. */
  | { readonly type: "ready" }
  /** The projection has failed and must be restarted; its reports stand. */
  | { readonly type: "failed"; readonly code: string | undefined; readonly message: string }
  | { readonly type: "stopped" };
