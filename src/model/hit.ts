/** One hit. `hit/parse-hit.ts` validates hits from outside; `hit/record.ts` describes how they lie in the log. */
export interface Hit {
  /** The counter's name: see `checkCounterName`. */
  readonly counter: string;
  /** How many this hit stands for, 1 to `MAX_N`. */
  readonly n: number;
  /** Event time in epoch milliseconds, where the client gave one; else the time when its batch was written. */
  readonly at?: number;
  /** The client's key for this hit, 1 to `MAX_ID_BYTES` of UTF-8. */
  readonly id?: string;
  /** A JSON object as text, without line breaks, kept with the hit: at most `MAX_PAYLOAD_BYTES` of UTF-8. */
  readonly payload?: string;
}

/** A hit that a retry can be recognised by. */
export type KeyedHit = Hit & { readonly id: string };

export function isKeyed(hit: Hit): hit is KeyedHit {
  return hit.id !== undefined;
}

export const MAX_NAME_BYTES = 1024;
export const MAX_N = 1_000_000_000;
export const MAX_ID_BYTES = 255;
export const MAX_PAYLOAD_BYTES = 16 * 1024;
/** Objects and arrays inside one another in a payload; deeper ones are refused. */
export const MAX_PAYLOAD_DEPTH = 64;
/** How far ahead of this machine's clock an event time may lie. */
export const MAX_AHEAD_MS = 5 * 60 * 1000;
/** A counter's total stays at or below 2^52, so that what is in flight can never take it past 2^53. */
export const MAX_COUNT = 2 ** 52;
