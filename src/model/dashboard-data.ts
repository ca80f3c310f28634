import type { CounterState } from "./counters.js";
import type { DamageStatus, MissingStatus, ProjectionStatus, ServiceStatus } from "./status.js";

/** The body of `GET /dashboard/data`: all that the dashboard shows, at one moment. */
export interface DashboardData {
  /** Epoch milliseconds by this server's clock, as are `at` and `since`. */
  readonly now: number;
  /** The error with which a hit would be refused now; null if it would be taken. */
  readonly refusal: { readonly code: string; readonly detail: string } | null;
  readonly accepted: number;
  readonly rejected: number;
  /** Seconds since the start of this process. */
  readonly uptime: number;
  /** A new epoch means a new process, whose history starts empty. */
  readonly log: Omit<ServiceStatus["log"], "damage" | "missing"> & {
    /** Size of a segment. The log needs free space for two. */
    readonly segmentBytes: number;
    /** Null if it can't be read. */
    readonly freeBytes: number | null;
    readonly damage: Excerpt<DamageStatus>;
    /** Repaired ranges that have not been checked against the database. */
    readonly unsettled: Excerpt<MissingStatus>;
  };
  readonly projections: readonly ProjectionStatus[];
  /** Null while the counts are unknown. */
  readonly counters: {
    readonly known: number;
    readonly limit: number;
    /** Counters that the database lacks hits of; 0 if this process has no database. */
    readonly owing: number;
    readonly top: readonly TopCounter[];
  } | null;
  readonly history: DashboardHistory;
}

/** The first entries of a list that may be long, and the number of all. */
export interface Excerpt<T> {
  readonly total: number;
  readonly first: readonly T[];
}

export interface TopCounter extends CounterState {
  /** Hits in each of the last 24 hours, the current one last; null if no series is kept. */
  readonly hours: readonly number[] | null;
}

/** Samples of the last hour, as lists of the same length with the newest last. */
export interface DashboardHistory {
  readonly everyMs: number;
  /** Number of the newest sample: the `after` of the next request. */
  readonly last: number;
  /** Epoch milliseconds. */
  readonly at: readonly number[];
  /** Hits per second since the previous sample. */
  readonly rate: readonly number[];
  /** Hits that the database has not confirmed. */
  readonly owed: readonly number[];
  /** State of the projection into the database, as an index into `HISTORY_STATES`. */
  readonly state: readonly number[];
}

/** States of the projection into the database; `none`: there is no database. */
export const HISTORY_STATES = ["none", "running", "retrying", "halted"] as const;

export type HistoryState = (typeof HISTORY_STATES)[number];
