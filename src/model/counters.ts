export interface CounterState {
  readonly counter: string;
  readonly count: number;
  readonly projected: number;
  readonly pending: number;
  /** RFC 3339: when the database's part was read; null where it never was. */
  readonly asOf: string | null;
  /** Present after damage in the log: the true count may be higher. */
  readonly incomplete?: true;
}

export interface CountersQuery {
  readonly prefix: string;
  readonly limit: number;
  /** Names behind this one. */
  readonly after: string | undefined;
}

export interface CountersPage {
  readonly counters: readonly CounterState[];
  /** What to give as `after` for the next page; null on the last one. */
  readonly next: string | null;
}

/** A range of time, of at most 1,000 buckets. */
export interface SeriesQuery {
  readonly counter: string;
  /** Buckets, in UTC. */
  readonly by: "hour" | "day";
  /** Epoch milliseconds: the buckets that this lies in, and up to the one that the last millisecond before `to` lies in. */
  readonly from: number;
  readonly to: number;
}

/** What this log has counted in a range of time. */
export interface CounterSeries {
  readonly counter: string;
  readonly by: "hour" | "day";
  /** RFC 3339: where the first bucket begins, and where the last one ends. */
  readonly from: string;
  readonly to: string;
  /** RFC 3339: from when on it is whole; null: from the log's birth on. What lies before is left out of `points`. */
  readonly since: string | null;
  /** By hour only: the same for hours, since older ones are folded into their day. */
  readonly hoursSince?: string | null;
  readonly points: readonly SeriesPoint[];
  readonly incomplete?: true;
}

export interface SeriesPoint {
  /** RFC 3339: where the bucket begins. */
  readonly at: string;
  readonly count: number;
}
