import type { CounterState } from "./counters.js";
import type { DamageStatus, MissingStatus, ProjectionStatus, ServiceStatus } from "./status.js";

/** What `GET /dashboard/data` answers: all that the dashboard shows, at one moment. */
export interface DashboardData {
  /** Epoch milliseconds by this server's clock, which `at` and `since` are by, too. */
  readonly now: number;
  /** Why a hit would be refused now. */
  readonly refusal: { readonly code: string; readonly detail: string } | null;
  readonly accepted: number;
  readonly rejected: number;
  /** Seconds since the start of this process. */
  readonly uptime: number;
  /** Another epoch means another process: its history is not that of the one before. */
  readonly log: Omit<ServiceStatus["log"], "damage" | "missing"> & {
    /** The size of a segment: room for two is what the log needs to go on. */
    readonly segmentBytes: number;
    /** Null where the volume does not say. */
    readonly freeBytes: number | null;
    readonly damage: Excerpt<DamageStatus>;
    /** Repaired ranges that the database has not been asked about. */
    readonly unsettled: Excerpt<MissingStatus>;
  };
  readonly projections: readonly ProjectionStatus[];
  /** Null while the counts are unknown. */
  readonly counters: {
    readonly known: number;
    readonly limit: number;
    /** Those of which the database lacks hits; 0 where none is configured in this process. */
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
  /** Its hits in each of the last 24 hours, the current one last; null where no series is kept. */
  readonly hours: readonly number[] | null;
}

/** The last hour, in samples. All lists are of the same length, the newest last. */
export interface DashboardHistory {
  readonly everyMs: number;
  /** The number of the newest sample: what to ask for as `after` the next time. */
  readonly last: number;
  /** Epoch milliseconds. */
  readonly at: readonly number[];
  /** Hits a second since the sample before. */
  readonly rate: readonly number[];
  /** Hits that the database has not confirmed. */
  readonly owed: readonly number[];
  /** How the database's projection stood, as the index of a state in `HISTORY_STATES`. */
  readonly state: readonly number[];
}

/** `none`: no database. */
export const HISTORY_STATES = ["none", "running", "retrying", "halted"] as const;

export type HistoryState = (typeof HISTORY_STATES)[number];
