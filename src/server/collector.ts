import { HitsError } from "../errors.js";
import { encodeHit, encodeHits } from "../hit/encoding.js";
import { CountersAllow } from "../hit/name-globs.js";
import { type Hit, isKeyed, type KeyedHit, MAX_COUNT } from "../model/hit.js";
import type { Admission, Recorded, RecordedAll } from "../model/recording.js";
import type { HitCollector } from "../model/services.js";
import { keyOf } from "../projection/idempotency-keys.js";
import type { LocalProjection } from "../projection/local.js";
import type { RecordGroup } from "../wal/group-commit.js";
import type { Log } from "../wal/log.js";
import { ArrivingKeys, type GroupKeys } from "./pending-keys.js";

export interface CollectorOptions {
  readonly maxCounters: number;
  readonly maxIdempotencyKeys: number;
  /** Globs of the names that may be counted. */
  readonly countersAllow: readonly string[];
}

interface Beside {
  readonly names: Set<string>;
  readonly keys: Map<string, number>;
}

/**
 * Takes hits in: checks that they may count, appends them to the log, and adds them to the local projection in the order
 * of the log once they are durable, before they are acknowledged.
 */
export class Collector implements HitCollector {
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #allow: CountersAllow;
  readonly #maxCounters: number;
  readonly #keys: ArrivingKeys;
  /** Names on their way into the log that the totals don't have yet, with how many groups hold them. */
  readonly #arriving = new Map<string, number>();
  #accepted = 0;

  constructor(log: Log, local: LocalProjection, { maxCounters, maxIdempotencyKeys, countersAllow }: CollectorOptions) {
    this.#log = log;
    this.#local = local;
    this.#allow = new CountersAllow(countersAllow);
    this.#maxCounters = maxCounters;
    this.#keys = new ArrivingKeys(local.keys, maxIdempotencyKeys);
  }

  /** Hits made durable since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Judges the hits of one request, one after another, each beside those admitted before it. */
  admission(): Admission {
    const beside: Beside = { names: new Set(), keys: new Map() };
    return {
      refuse: (hit) => {
        const refused = this.#refuse(hit, beside);
        if (refused === undefined) {
          if (this.#isNew(hit.counter)) beside.names.add(hit.counter);
          if (isKeyed(hit) && !this.#keys.has(hit)) beside.keys.set(keyOf(hit).digest, keyOf(hit).fingerprint);
        }
        return refused;
      },
    };
  }

  /** Makes one hit durable, then counts it. Rejects with a `HitsError`; see `HitCollector.record`. */
  record(hit: Hit): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      const refused = this.#refuse(hit, NOTHING);
      if (refused !== undefined) {
        reject(refused);
        return;
      }
      const before = isKeyed(hit) ? this.#keys.answer(hit) : undefined;
      if (before !== undefined) {
        before.then(({ offset, count }) => resolve({ offset, count, replayed: true }), reject);
        return;
      }
      const settle = (offset: number, count: number | null) => resolve({ offset, count, replayed: false });
      this.#append([hit], encodeHit(hit), settle, reject);
    });
  }

  /** Makes hits durable in one batch, all or none. They must have been admitted. */
  async recordAll(hits: readonly Hit[]): Promise<RecordedAll> {
    const fresh: Hit[] = [];
    const before: Promise<unknown>[] = [];
    const own = new Set<string>();
    for (const hit of hits) {
      const answer = isKeyed(hit) ? this.#keys.answer(hit) : undefined;
      if (answer !== undefined) before.push(answer);
      else if (!isKeyed(hit) || !own.has(keyOf(hit).digest)) {
        fresh.push(hit);
        if (isKeyed(hit)) own.add(keyOf(hit).digest);
      }
    }
    const replayed = hits.length - fresh.length;
    const writing = fresh.length === 0 ? undefined : this.#recordFresh(fresh);
    // A retry of a hit that is being written stands and falls with it.
    const [firstOffset] = await Promise.all([writing, ...before]);
    return {
      accepted: hits.length,
      replayed,
      firstOffset: firstOffset ?? null,
      lastOffset: firstOffset === undefined ? null : firstOffset + fresh.length - 1,
    };
  }

  #recordFresh(hits: readonly Hit[]): Promise<number> {
    return new Promise((resolve, reject) => this.#append(hits, encodeHits(hits), resolve, reject));
  }

  #refuse(hit: Hit, beside: Beside): HitsError | undefined {
    const unwanted = this.#allow.refuse(hit.counter);
    if (unwanted !== undefined) return unwanted;
    const totals = this.#local.totals;
    if (totals === undefined) {
      // Without the totals there are no keys either: a retry would count twice.
      return isKeyed(hit) ? this.#local.halted : undefined;
    }
    const { counter, n } = hit;
    if (isKeyed(hit)) {
      const refused = this.#refuseKey(hit, beside);
      if (refused !== undefined) return refused;
    }
    const count = totals.count(counter);
    if (count + n > MAX_COUNT) {
      return new HitsError("COUNT_LIMIT", `${JSON.stringify(counter)} stands at ${count}: at most 2^52 are counted`);
    }
    if (count > 0 || !this.#isNew(counter) || beside.names.has(counter)) return undefined;
    if (totals.size + this.#arriving.size + beside.names.size < this.#maxCounters) return undefined;
    return new HitsError(
      "TOO_MANY_COUNTERS",
      `there are ${totals.size} counters, and MAX_COUNTERS allows no new one: known ones still count`,
    );
  }

  #refuseKey(hit: KeyedHit, beside: Beside): HitsError | undefined {
    const { digest, fingerprint } = keyOf(hit);
    const same = beside.keys.get(digest);
    if (same === undefined) return this.#keys.refuse(hit, beside.keys.size);
    return same === fingerprint ? undefined : this.#keys.mismatch(hit);
  }

  #isNew(counter: string): boolean {
    return this.#local.totals?.has(counter) === false && !this.#arriving.has(counter);
  }

  #append(
    hits: readonly Hit[],
    bytes: Buffer,
    resolve: (offset: number, lastCount: number | null) => void,
    reject: (error: unknown) => void,
  ): void {
    const arriving = this.#announce(hits);
    const keys = hits.some(isKeyed) ? this.#keys.announce(hits) : undefined;
    const group: RecordGroup = {
      bytes,
      count: hits.length,
      durable: (offset, time) => {
        this.#forget(arriving);
        resolve(offset, this.#fold(hits, offset, time, keys));
      },
      failed: (error) => {
        this.#forget(arriving);
        keys?.drop(error);
        reject(error);
      },
    };
    try {
      this.#log.append(group);
    } catch (error) {
      this.#forget(arriving);
      keys?.drop(error);
      reject(error);
    }
  }

  /** Adds durable hits to the totals; the count of the last one's counter, null while the totals are unknown. */
  #fold(hits: readonly Hit[], firstOffset: number, time: number, keys: GroupKeys | undefined): number | null {
    this.#accepted += hits.length;
    const totals = this.#local.totals;
    if (totals === undefined) return null;
    let count = 0;
    let index = 0;
    totals.series.note(time);
    for (const hit of hits) {
      const counter = totals.indexOf(hit.counter);
      // With what other logs have counted, as every other answer has it.
      count = totals.addAt(counter, hit.n, hit.at ?? time) + totals.others(counter);
      keys?.settle(index, firstOffset + index, count, time);
      index++;
    }
    this.#local.advance(firstOffset + hits.length, hits.length);
    return count;
  }

  #announce(hits: readonly Hit[]): string[] {
    const totals = this.#local.totals;
    const names: string[] = [];
    if (totals === undefined) return names;
    for (const { counter } of hits) {
      if (totals.has(counter)) continue;
      names.push(counter);
      this.#arriving.set(counter, (this.#arriving.get(counter) ?? 0) + 1);
    }
    return names;
  }

  #forget(names: readonly string[]): void {
    for (const name of names) {
      const left = (this.#arriving.get(name) ?? 0) - 1;
      if (left > 0) this.#arriving.set(name, left);
      else this.#arriving.delete(name);
    }
  }
}

const NOTHING: Beside = { names: new Set(), keys: new Map() };
