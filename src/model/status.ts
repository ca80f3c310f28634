/** The body of `GET /status`: the state of the log and of its projections. */
export interface ServiceStatus {
  readonly log: {
    readonly id: string;
    readonly epoch: number;
    readonly start: number;
    readonly end: number;
    readonly segments: number;
    readonly bytes: number;
    readonly damage: readonly DamageStatus[];
    readonly missing: readonly MissingStatus[];
  };
  readonly projections: readonly ProjectionStatus[];
  /** Hits accepted and hits refused since the start of this process. */
  readonly accepted: number;
  readonly rejected: number;
  /** Seconds since the start of this process. */
  readonly uptime: number;
}

/** A damaged place in the log. */
export interface DamageStatus {
  readonly file: string;
  readonly byte: number;
  /** Offsets `[from, to)` can't be read; `to` is null if it is unknown. */
  readonly from: number;
  readonly to: number | null;
  readonly found: string;
}

/** A missing range: offsets that a repair has recorded as missing. */
export interface MissingStatus {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** RFC 3339. */
  readonly repaired: string;
  /** Restored records: they replace missing ones, as far as a snapshot or the database had their counts. */
  readonly mended: number;
  /** False: not checked against the database yet; its projection waits before this range. */
  readonly settled: boolean;
}

export interface ProjectionStatus {
  readonly name: string;
  /** The first offset not projected. */
  readonly checkpoint: number;
  /** Hits that the projection has not confirmed. */
  readonly lag: number;
  readonly state: "running" | "retrying" | "halted";
  /** Counters that can't be projected for a reason of their own; `blockedCounters` has the first hundred. */
  readonly blocked: number;
  readonly blockedCounters?: readonly { readonly counter: string; readonly reason: string }[];
  readonly lastError: string | null;
  /** Failed attempts since the start of this process; absent for the local projection, and for one in another process. */
  readonly errors?: number;
  /** Days of counters that the database may lack hits of; absent when `errors` is. */
  readonly seriesOwed?: number;
  /** RFC 3339: start of this state. */
  readonly since: string;
}
