/** One hit. `hit/parse-hit.ts` validates hits from outside; `hit/record.ts` describes their format in the log. */
export interface Hit {
  /** The counter's name: see `checkCounterName`. */
  readonly counter: string;
  /** The number to add to the count, 1 to `MAX_N`. */
  readonly n: number;
  /** Event time in epoch milliseconds; without it, the time when the hit's batch was written applies. */
  readonly at?: number;
  /** The client's idempotency key for this hit, 1 to `MAX_ID_BYTES` of UTF-8. */
  readonly id?: string;
  /** A JSON object as text without line breaks, at most `MAX_PAYLOAD_BYTES` of UTF-8. */
  readonly payload?: string;
}

/** A hit whose retries can be recognised. */
export type KeyedHit = Hit & { readonly id: string };

export function isKeyed(hit: Hit): hit is KeyedHit {
  return hit.id !== undefined;
}

export const MAX_NAME_BYTES = 1024;
export const MAX_N = 1_000_000_000;
export const MAX_ID_BYTES = 255;
export const MAX_PAYLOAD_BYTES = 16 * 1024;
/** Levels of nested objects and arrays in a payload. */
export const MAX_PAYLOAD_DEPTH = 64;
/** The most that an event time may be ahead of this machine's clock. */
export const MAX_AHEAD_MS = 5 * 60 * 1000;
/** The highest count of a counter: 2^52, so that hits in flight can never take it past 2^53. */
export const MAX_COUNT = 2 ** 52;
