import { HitsError } from "./errors.js";
import { type Hit, MAX_COUNT } from "./hit.js";
import { encodeHit, encodeHits } from "./hit-record.js";
import type { LocalProjection } from "./projection/local.js";
import type { RecordGroup } from "./wal/group-commit.js";
import type { Log } from "./wal/log.js";

/** Where a hit lies, and its counter's count with it; null while the counts are unknown. */
export interface Collected {
  readonly offset: number;
  readonly count: number | null;
}

export interface Admission {
  /**
   * Why this hit may not count, undefined where it may: `TOO_MANY_COUNTERS` where its name would be one too many,
   * `COUNT_LIMIT` where its counter is full.
   */
  refuse(hit: Hit): HitsError | undefined;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * Takes hits in: checks that they may count, appends them to the log, and adds them to the local projection in the order
 * of the log once they are durable, before they are acknowledged.
 */
export class Collector {
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #maxCounters: number;
  /** Names on their way into the log that the totals don't have yet, with how many groups hold them. */
  readonly #arriving = new Map<string, number>();
  #accepted = 0;

  constructor(log: Log, local: LocalProjection, maxCounters: number) {
    this.#log = log;
    this.#local = local;
    this.#maxCounters = maxCounters;
  }

  /** Hits made durable since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Judges the hits of one request, one after another, each beside those admitted before it. */
  admission(): Admission {
    const newNames = new Set<string>();
    return {
      refuse: (hit) => {
        const refused = this.#refuse(hit, newNames);
        if (refused === undefined && this.#isNew(hit.counter)) newNames.add(hit.counter);
        return refused;
      },
    };
  }

  /** Makes one hit durable, then counts it. Rejects with a `HitsError`; see `Services.record`. */
  record(hit: Hit): Promise<Collected> {
    return new Promise((resolve, reject) => {
      const refused = this.#refuse(hit, NO_NAMES);
      if (refused !== undefined) {
        reject(refused);
        return;
      }
      this.#append([hit], encodeHit(hit), (offset, counts) => resolve({ offset, count: counts }), reject);
    });
  }

  /** Makes hits durable in one batch, all or none. They must have been admitted. */
  recordAll(hits: readonly Hit[]): Promise<{ firstOffset: number; lastOffset: number }> {
    return new Promise((resolve, reject) => {
      const settle = (firstOffset: number) => resolve({ firstOffset, lastOffset: firstOffset + hits.length - 1 });
      this.#append(hits, encodeHits(hits), settle, reject);
    });
  }

  /** Why a hit would be refused now. */
  refusal(): HitsError | undefined {
    return this.#log.refusal(0);
  }

  #refuse(hit: Hit, newNames: ReadonlySet<string>): HitsError | undefined {
    const totals = this.#local.totals;
    if (totals === undefined) return undefined;
    const { counter, n } = hit;
    const count = totals.count(counter);
    if (count + n > MAX_COUNT) {
      return new HitsError("COUNT_LIMIT", `${JSON.stringify(counter)} stands at ${count}: at most 2^52 are counted`);
    }
    if (count > 0 || !this.#isNew(counter) || newNames.has(counter)) return undefined;
    if (totals.size + this.#arriving.size + newNames.size < this.#maxCounters) return undefined;
    return new HitsError(
      "TOO_MANY_COUNTERS",
      `there are ${totals.size} counters, and MAX_COUNTERS allows no new one: known ones still count`,
    );
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
    const group: RecordGroup = {
      bytes,
      count: hits.length,
      durable: (offset) => {
        this.#forget(arriving);
        resolve(offset, this.#fold(hits, offset));
      },
      failed: (error) => {
        this.#forget(arriving);
        reject(error);
      },
    };
    try {
      this.#log.append(group);
    } catch (error) {
      this.#forget(arriving);
      reject(error);
    }
  }

  /** Adds durable hits to the totals; the count of the last one's counter, null while the totals are unknown. */
  #fold(hits: readonly Hit[], firstOffset: number): number | null {
    this.#accepted += hits.length;
    const totals = this.#local.totals;
    if (totals === undefined) return null;
    let count = 0;
    for (const hit of hits) count = totals.add(totals.indexOf(hit.counter), hit.n);
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
