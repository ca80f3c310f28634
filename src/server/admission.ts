import { HitsError } from "../errors.js";
import { AllowedCounters } from "../hit/name-globs.js";
import type { Client } from "../model/access.js";
import { type Hit, isKeyed, MAX_COUNT } from "../model/hit.js";
import type { HitKey } from "../projection/idempotency-keys.js";
import type { LocalProjection } from "../projection/local.js";
import { PendingKeys } from "./pending-keys.js";
import { PendingNames } from "./pending-names.js";

export interface CollectorOptions {
  readonly maxCounters: number;
  readonly maxIdempotencyKeys: number;
  /** Globs of the names that may be counted. */
  readonly countersAllow: readonly string[];
}

/** The most that hits which are not durable yet may add up to. */
const MAX_ARRIVING = 2 ** 50;

/** Decides which hits may count, on top of all that were admitted before and are not durable yet. */
export class Admission {
  readonly keys: PendingKeys;
  /** Undefined while the totals are unknown. */
  readonly names: PendingNames | undefined;
  /** What admitted hits that are not durable yet add up to. */
  arriving = 0;
  #accepted = 0;
  readonly local: LocalProjection;
  readonly #allowed: AllowedCounters;

  constructor(local: LocalProjection, { maxCounters, maxIdempotencyKeys, countersAllow }: CollectorOptions) {
    this.local = local;
    this.#allowed = new AllowedCounters(countersAllow);
    this.keys = new PendingKeys(local.keys, maxIdempotencyKeys);
    this.names = local.totals === undefined ? undefined : new PendingNames(local.totals, maxCounters);
  }

  /** Hits made durable since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Notes that so many admitted hits, which add up to n, are durable. */
  noteDurable(hits: number, n: number): void {
    this.#accepted += hits;
    this.arriving -= n;
  }

  /** Returns why a hit is refused by its counter's name or its key; undefined if it isn't. `key`: that of a hit with an id. */
  refuse(hit: Hit, key: HitKey | undefined, client: Client): HitsError | undefined {
    const notAllowed = this.#allowed.refuse(hit.counter);
    if (notAllowed !== undefined || key === undefined || !isKeyed(hit)) return notAllowed;
    // Without the totals there are no keys either, so a retry would count twice.
    return this.local.halted ?? this.keys.refuse(hit, key, client);
  }

  /** Returns the counter's index in the totals; -1 for a new one. */
  indexOf(counter: string): number {
    const index = this.local.totals?.find(counter);
    if (index === undefined) return -1;
    // The database has reported a counter of other logs while this log's first hits of it were on their way.
    const pending = this.names !== undefined && this.names.size > 0 ? this.names.find(counter) : undefined;
    return pending === undefined ? index : (this.names?.settle(pending) ?? index);
  }

  /** This log's durable count of a counter; `index`: -1 for a new one. */
  count(counter: string, index: number): number {
    if (index !== -1) return this.local.totals?.countAt(index) ?? 0;
    return this.names?.find(counter)?.count ?? 0;
  }

  /**
   * Returns why a counter can't take n more: `COUNT_LIMIT` if it is full, `QUEUE_FULL` if it might be with all that is
   * arriving. `own`: hits of the same request for this counter, and for all.
   */
  refuseNumber({ counter, n }: Hit, count: number, own: number, ownTotal: number): HitsError | undefined {
    if (count + own + n > MAX_COUNT) {
      const message = `the count of ${JSON.stringify(counter)} is ${count + own}: adding ${n} would exceed 2^52, the highest count`;
      return new HitsError("COUNT_LIMIT", message);
    }
    if (this.arriving + n <= MAX_ARRIVING && count + own + n + (this.arriving - ownTotal) <= MAX_COUNT)
      return undefined;
    return new HitsError(
      "QUEUE_FULL",
      `hits of ${this.arriving} in total are waiting for the disk. Not counted; try again`,
    );
  }
}
