import { HitsError } from "../errors.js";
import { encodeHit, encodeHits } from "../hit/encoding.js";
import { AllowedCounters } from "../hit/name-globs.js";
import { type Hit, isKeyed, type KeyedHit, MAX_COUNT } from "../model/hit.js";
import type { Admission, HitCollector, Recorded, RecordedAll } from "../model/services.js";
import { keyOf } from "../projection/idempotency-keys.js";
import type { LocalProjection } from "../projection/local.js";
import type { RecordGroup } from "../wal/group-commit.js";
import type { Log } from "../wal/log.js";
import { type GroupKeys, PendingKeys } from "./pending-keys.js";

export interface CollectorOptions {
  readonly maxCounters: number;
  readonly maxIdempotencyKeys: number;
  /** Globs of the names that may be counted. */
  readonly countersAllow: readonly string[];
}

/** New names and keys of the hits of one request that were admitted so far. */
interface RequestScope {
  readonly names: Set<string>;
  /** Fingerprints by digest. */
  readonly keys: Map<string, number>;
}

/**
 * The way of hits into the log: checks that they may count, appends them, and adds them to the local projection in the
 * order of the log once they are durable, before they are acknowledged.
 */
export class Collector implements HitCollector {
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #allowed: AllowedCounters;
  readonly #maxCounters: number;
  readonly #keys: PendingKeys;
  /** Names of hits being written that the totals don't have yet, with how many groups have them. */
  readonly #pendingNames = new Map<string, number>();
  #accepted = 0;

  constructor(log: Log, local: LocalProjection, { maxCounters, maxIdempotencyKeys, countersAllow }: CollectorOptions) {
    this.#log = log;
    this.#local = local;
    this.#allowed = new AllowedCounters(countersAllow);
    this.#maxCounters = maxCounters;
    this.#keys = new PendingKeys(local.keys, maxIdempotencyKeys);
  }

  /** Hits made durable since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  admission(): Admission {
    const scope: RequestScope = { names: new Set(), keys: new Map() };
    return {
      refuse: (hit) => {
        const refused = this.#refuse(hit, scope);
        if (refused === undefined) {
          if (this.#isNew(hit.counter)) scope.names.add(hit.counter);
          if (isKeyed(hit) && !this.#keys.has(hit)) scope.keys.set(keyOf(hit).digest, keyOf(hit).fingerprint);
        }
        return refused;
      },
    };
  }

  record(hit: Hit): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      const refused = this.#refuse(hit, EMPTY_SCOPE);
      if (refused !== undefined) {
        reject(refused);
        return;
      }
      const replay = isKeyed(hit) ? this.#keys.firstAnswer(hit) : undefined;
      if (replay !== undefined) {
        replay.then(({ offset, count }) => resolve({ offset, count, replayed: true }), reject);
        return;
      }
      const settle = (offset: number, count: number | null) => resolve({ offset, count, replayed: false });
      this.#append([hit], encodeHit(hit), settle, reject);
    });
  }

  async recordAll(hits: readonly Hit[]): Promise<RecordedAll> {
    const fresh: Hit[] = [];
    const replays: Promise<unknown>[] = [];
    const own = new Set<string>();
    for (const hit of hits) {
      const answer = isKeyed(hit) ? this.#keys.firstAnswer(hit) : undefined;
      if (answer !== undefined) replays.push(answer);
      else if (!isKeyed(hit) || !own.has(keyOf(hit).digest)) {
        fresh.push(hit);
        if (isKeyed(hit)) own.add(keyOf(hit).digest);
      }
    }
    const replayed = hits.length - fresh.length;
    const writing = fresh.length === 0 ? undefined : this.#recordFresh(fresh);
    // A retry of a hit that is being written succeeds or fails with it.
    const [firstOffset] = await Promise.all([writing, ...replays]);
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

  #refuse(hit: Hit, scope: RequestScope): HitsError | undefined {
    const notAllowed = this.#allowed.refuse(hit.counter);
    if (notAllowed !== undefined) return notAllowed;
    const totals = this.#local.totals;
    if (totals === undefined) {
      // Without the totals there are no keys either, so a retry would count twice.
      return isKeyed(hit) ? this.#local.halted : undefined;
    }
    const { counter, n } = hit;
    if (isKeyed(hit)) {
      const refused = this.#refuseKey(hit, scope);
      if (refused !== undefined) return refused;
    }
    const count = totals.count(counter);
    if (count + n > MAX_COUNT) {
      const message = `the count of ${JSON.stringify(counter)} is ${count}: adding ${n} would exceed 2^52, the highest count`;
      return new HitsError("COUNT_LIMIT", message);
    }
    if (count > 0 || !this.#isNew(counter) || scope.names.has(counter)) return undefined;
    if (totals.size + this.#pendingNames.size + scope.names.size < this.#maxCounters) return undefined;
    return new HitsError(
      "TOO_MANY_COUNTERS",
      `there are ${totals.size} counters, and MAX_COUNTERS permits no new one; hits of known counters still count`,
    );
  }

  #refuseKey(hit: KeyedHit, scope: RequestScope): HitsError | undefined {
    const { digest, fingerprint } = keyOf(hit);
    const same = scope.keys.get(digest);
    if (same === undefined) return this.#keys.refuse(hit, scope.keys.size);
    return same === fingerprint ? undefined : this.#keys.mismatch(hit);
  }

  #isNew(counter: string): boolean {
    return this.#local.totals?.has(counter) === false && !this.#pendingNames.has(counter);
  }

  #append(
    hits: readonly Hit[],
    bytes: Buffer,
    resolve: (offset: number, lastCount: number | null) => void,
    reject: (error: unknown) => void,
  ): void {
    const names = this.#addNames(hits);
    const keys = hits.some(isKeyed) ? this.#keys.add(hits) : undefined;
    const group: RecordGroup = {
      bytes,
      count: hits.length,
      durable: (offset, time) => {
        this.#removeNames(names);
        resolve(offset, this.#fold(hits, offset, time, keys));
      },
      failed: (error) => {
        this.#removeNames(names);
        keys?.drop(error);
        reject(error);
      },
    };
    try {
      this.#log.append(group);
    } catch (error) {
      this.#removeNames(names);
      keys?.drop(error);
      reject(error);
    }
  }

  /** Adds durable hits to the totals. Returns the count of the last hit's counter, null while the totals are unknown. */
  #fold(hits: readonly Hit[], firstOffset: number, time: number, keys: GroupKeys | undefined): number | null {
    this.#accepted += hits.length;
    const totals = this.#local.totals;
    if (totals === undefined) return null;
    let count = 0;
    let index = 0;
    totals.series.noteTime(time);
    for (const hit of hits) {
      const counter = totals.indexOf(hit.counter);
      // Includes what other logs have counted, as every other answer does.
      count = totals.addAt(counter, hit.n, hit.at ?? time) + totals.remote(counter);
      keys?.settle(index, firstOffset + index, count, time);
      index++;
    }
    this.#local.advance(firstOffset + hits.length, hits.length);
    return count;
  }

  #addNames(hits: readonly Hit[]): string[] {
    const totals = this.#local.totals;
    const names: string[] = [];
    if (totals === undefined) return names;
    for (const { counter } of hits) {
      if (totals.has(counter)) continue;
      names.push(counter);
      this.#pendingNames.set(counter, (this.#pendingNames.get(counter) ?? 0) + 1);
    }
    return names;
  }

  #removeNames(names: readonly string[]): void {
    for (const name of names) {
      const left = (this.#pendingNames.get(name) ?? 0) - 1;
      if (left > 0) this.#pendingNames.set(name, left);
      else this.#pendingNames.delete(name);
    }
  }
}

const EMPTY_SCOPE: RequestScope = { names: new Set(), keys: new Map() };
