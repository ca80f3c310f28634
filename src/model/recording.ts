import type { HitsError } from "../errors.js";
import type { Hit } from "./hit.js";

export interface Admission {
  /** Why this hit may not count beside those judged before: `TOO_MANY_COUNTERS`, `COUNT_LIMIT`, `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`. */
  refuse(hit: Hit): HitsError | undefined;
}

export interface Recorded {
  readonly offset: number;
  readonly count: number | null;
  /** A hit with this key was there before: this is its answer, and nothing was counted now. */
  readonly replayed: boolean;
}

export interface RecordedAll {
  /** Hits that are durable: those of this request, and those that were before. */
  readonly accepted: number;
  /** Hits of which that was so before this request. */
  readonly replayed: number;
  /** Where this request's own hits lie; null where it has none. */
  readonly firstOffset: number | null;
  readonly lastOffset: number | null;
}
