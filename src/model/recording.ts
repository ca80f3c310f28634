/** The outcome of hits that are sent in: admitted or refused, then recorded. */
import type { HitsError } from "../errors.js";
import type { Hit } from "./hit.js";

/** Judges the hits of one request, each on top of those admitted before it. */
export interface Admission {
  /**
   * Returns why this hit is refused, undefined if it is admitted: `COUNTER_NOT_ALLOWED` by its name, `TOO_MANY_COUNTERS` if its
   * name would be one too many, `COUNT_LIMIT` if its counter is full, `IDEMPOTENCY_MISMATCH` or `TOO_MANY_KEYS` by its key.
   */
  refuse(hit: Hit): HitsError | undefined;
}

/** The place of a durable hit in the log, and its counter's count. */
export interface Recorded {
  readonly offset: number;
  /** The count with this hit included; null while the counts are unknown: the hit is durable all the same. */
  readonly count: number | null;
  /** True if a hit with this key was there before: this is its answer, and nothing was counted now. */
  readonly replayed: boolean;
}

/** The result of recording the hits of one request in one batch. */
export interface RecordedAll {
  /** Hits that are durable: those of this request, and those that were before. */
  readonly accepted: number;
  /** Hits that were durable before this request. */
  readonly replayed: number;
  /** Offsets of this request's own hits; null if it has none. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
}
