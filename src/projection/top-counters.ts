import { setImmediate as nextTurn } from "node:timers/promises";
import type { ConfirmedCounts } from "./confirmed-counts.js";
import type { Totals } from "./totals.js";

/** The counters with the largest counts. */
export interface TopIndexes {
  /** Indexes by count, the largest first; equal counts in the order of first sight. */
  readonly indexes: readonly number[];
  /** Number of counters that the database lacks hits of; 0 without a database. */
  readonly owing: number;
}

/** Counters looked at in one turn of the event loop: a few milliseconds, if each is larger than those before it. */
const AT_ONCE = 32_768;

/** Finds the counters with the largest counts in one pass over all, beside other requests. */
export async function topCounters(
  totals: Totals,
  database: ConfirmedCounts | undefined,
  limit: number,
): Promise<TopIndexes> {
  const heap = new SmallestFirst(limit);
  let owing = 0;
  for (let index = 0; index < totals.size; index++) {
    if (index > 0 && index % AT_ONCE === 0) await nextTurn();
    const own = totals.countAt(index);
    if (database !== undefined && database.confirmed(index) < own) owing++;
    heap.offer(index, own + totals.remote(index));
  }
  return { indexes: heap.largestFirst(), owing };
}

/** A bounded heap; on top is the entry that the next larger one replaces. */
class SmallestFirst {
  readonly #limit: number;
  readonly #indexes: number[] = [];
  readonly #counts: number[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Offers an entry. Indexes must ascend: of equal counts the one offered first stays. */
  offer(index: number, count: number): void {
    if (this.#indexes.length < this.#limit) {
      this.#rise(this.#indexes.length, index, count);
    } else if (count > (this.#counts[0] ?? Number.POSITIVE_INFINITY)) {
      this.#sink(index, count);
    }
  }

  largestFirst(): number[] {
    const count = new Map(this.#indexes.map((index, at) => [index, this.#counts[at] ?? 0]));
    return [...count].sort(([i, a], [j, b]) => b - a || i - j).map(([index]) => index);
  }

  #isSmaller(index: number, count: number, at: number): boolean {
    const other = this.#counts[at] ?? 0;
    return count < other || (count === other && index > (this.#indexes[at] ?? 0));
  }

  #set(at: number, index: number, count: number): void {
    this.#indexes[at] = index;
    this.#counts[at] = count;
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#indexes[from] ?? 0, this.#counts[from] ?? 0);
  }

  #rise(from: number, index: number, count: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isSmaller(index, count, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, index, count);
  }

  /** Replaces the top. */
  #sink(index: number, count: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#limit) break;
      const right = child + 1;
      if (right < this.#limit && this.#isSmaller(this.#indexes[right] ?? 0, this.#counts[right] ?? 0, child))
        child = right;
      if (this.#isSmaller(index, count, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#set(at, index, count);
  }
}
