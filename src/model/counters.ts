/** Counters and their series, as reads return them. */

/** The count of one counter. */
export interface CounterState {
  readonly counter: string;
  /** Hits of this log and, as far as known, of other logs. */
  readonly count: number;
  /** The part of `count` that the database has confirmed; all of it without a database. */
  readonly projected: number;
  /** The rest: hits that are in this log only. */
  readonly pending: number;
  /** RFC 3339: when the database's part was read; null if it never was. */
  readonly asOf: string | null;
  /** Present after damage in the log: the true count may be higher. */
  readonly incomplete?: true;
}

/** One page of the list of counters. */
export interface CountersQuery {
  readonly prefix: string;
  readonly limit: number;
  /** Only names after this one. */
  readonly after: string | undefined;
}

export interface CountersPage {
  readonly counters: readonly CounterState[];
  /** The `after` of the next page; null on the last one. */
  readonly next: string | null;
}

/** A counter's series over a range of time of at most 1,000 buckets. */
export interface SeriesQuery {
  readonly counter: string;
  /** Buckets, in UTC. */
  readonly by: "hour" | "day";
  /** Epoch milliseconds, in the first bucket; the last bucket contains the last millisecond before `to`. */
  readonly from: number;
  readonly to: number;
}

/** The hits of a counter that this log has counted, by bucket. */
export interface CounterSeries {
  readonly counter: string;
  readonly by: "hour" | "day";
  /** RFC 3339: start of the first bucket, and end of the last one. */
  readonly from: string;
  readonly to: string;
  /** RFC 3339: the series is complete from then on, and `points` start there; null: since the log was created. */
  readonly since: string | null;
  /** By hour only: hours are complete from then on; older ones are merged into their day. */
  readonly hoursSince?: string | null;
  readonly points: readonly SeriesPoint[];
  readonly incomplete?: true;
}

export interface SeriesPoint {
  /** RFC 3339: start of the bucket. */
  readonly at: string;
  readonly count: number;
}
