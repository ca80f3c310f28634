import type { Totals } from "../projection/totals.js";
import type { Admission } from "./admission.js";
import type { PendingKey } from "./pending-keys.js";
import type { PendingName } from "./pending-names.js";

/** Reservations of each kind that are given back in one turn of the event loop: about a millisecond. */
const MAX_RELEASED = 2048;

/** The hits of one request, as numbers: neither hits nor their texts are kept, which the encoder has. */
export class GroupHits {
  readonly #admission: Admission;
  /** Numbers of the group's counters, by name, in the order of first sight. */
  readonly #numbers = new Map<string, number>();
  /** By counter: its index in the totals, or -1 and its name; the sum of its hits; its count before them. */
  readonly #indexes: number[] = [];
  readonly #names: (PendingName | undefined)[] = [];
  readonly #sums: number[] = [];
  readonly #counts: number[] = [];
  /** By hit: the counter's number, n, and the time, which is NaN without one; no times where no hit has one. */
  readonly #counters: number[] = [];
  readonly #ns: number[] = [];
  #times: number[] | undefined;
  /** Hits with a key, by their place in the group. */
  readonly #keyed: number[] = [];
  readonly #keys: PendingKey[] = [];
  #total = 0;
  /** How much is done of folding or dropping the hits: counters with an index, then hits, then keys. */
  #settledNames = 0;
  #foldedHits = 0;
  #settledKeys = 0;

  constructor(admission: Admission) {
    this.#admission = admission;
  }

  get size(): number {
    return this.#counters.length;
  }

  /** The sum of all hits. */
  get total(): number {
    return this.#total;
  }

  /** Returns the counter's number in this group; undefined for one that has no hit in it. */
  numberOf(counter: string): number | undefined {
    return this.#numbers.get(counter);
  }

  /** The sum of the hits of the counter with this number. */
  sumOf(number: number): number {
    return this.#sums[number] ?? 0;
  }

  /** Adds a counter, by its index in the totals or its reserved name. Returns its number. */
  addCounter(counter: string, index: number, name: PendingName | undefined): number {
    const number = this.#indexes.length;
    this.#numbers.set(counter, number);
    this.#indexes.push(index);
    this.#names.push(name);
    this.#sums.push(0);
    return number;
  }

  /** The durable count of the counter with this number. */
  countOf(number: number): number {
    const name = this.#names[number];
    const index = name?.index ?? this.#indexes[number] ?? -1;
    return index === -1 ? (name?.count ?? 0) : (this.#admission.local.totals?.countAt(index) ?? 0);
  }

  /** Adds an admitted hit. Called for each hit: no options. */
  add(number: number, n: number, at: number | undefined, key: PendingKey | undefined): void {
    if (at !== undefined && this.#times === undefined) this.#times = this.#counters.map(() => Number.NaN);
    this.#times?.push(at ?? Number.NaN);
    if (key !== undefined) {
      this.#keyed.push(this.#counters.length);
      this.#keys.push(key);
    }
    this.#counters.push(number);
    this.#ns.push(n);
    this.#sums[number] = this.sumOf(number) + n;
    this.#total += n;
    this.#admission.arriving += n;
  }

  /** Adds all hits, which are durable now, to the counts, but not to the series: one quick pass over the counters. */
  addToCounts(totals: Totals): void {
    this.#admission.noteDurable(this.size, this.#total);
    for (let number = 0; number < this.#indexes.length; number++) {
      const name = this.#names[number];
      const index = name?.index ?? this.#indexes[number] ?? -1;
      const n = this.#sums[number] ?? 0;
      if (index !== -1) this.#counts.push(totals.add(index, n) - n + totals.remote(index));
      else if (name !== undefined) this.#counts.push(this.#admission.names?.addDurable(name, n) ?? 0);
    }
  }

  /** Does the next part of what remains after `addToCounts`, about so many hits. Returns true once all is done. */
  fold(totals: Totals, firstOffset: number, time: number, hits: number): boolean {
    if (this.#settledNames < this.#names.length) {
      this.#settleNames(hits);
      return false;
    }
    if (this.#foldedHits === 0) totals.series.noteTime(time);
    this.#foldHits(totals, firstOffset, time, hits);
    return this.#foldedHits === this.size;
  }

  /**
   * Gives all reservations back: the hits were not written, or it is unknown whether they were. A few hundred at once, the
   * rest in later turns of the event loop.
   */
  drop(error: unknown): void {
    this.#admission.arriving -= this.#total;
    this.#release(error);
  }

  #release(error: unknown): void {
    const { names, keys } = this.#admission;
    const lastName = Math.min(this.#settledNames + MAX_RELEASED, this.#names.length);
    for (; this.#settledNames < lastName; this.#settledNames++) {
      const name = this.#names[this.#settledNames];
      if (name !== undefined) names?.release(name);
    }
    const lastKey = Math.min(this.#settledKeys + MAX_RELEASED, this.#keys.length);
    for (; this.#settledKeys < lastKey; this.#settledKeys++) {
      const key = this.#keys[this.#settledKeys];
      if (key !== undefined) keys.drop(key, error);
    }
    if (this.#settledNames < this.#names.length || this.#settledKeys < this.#keys.length) {
      setImmediate(() => this.#release(error));
    }
  }

  #settleNames(most: number): void {
    const end = Math.min(this.#settledNames + most, this.#names.length);
    for (; this.#settledNames < end; this.#settledNames++) {
      const name = this.#names[this.#settledNames];
      if (name !== undefined) this.#indexes[this.#settledNames] = this.#admission.names?.settle(name) ?? -1;
    }
  }

  #foldHits(totals: Totals, firstOffset: number, time: number, most: number): void {
    const { keys } = this.#admission;
    const end = Math.min(this.#foldedHits + most, this.size);
    for (let hit = this.#foldedHits; hit < end; hit++) {
      const number = this.#counters[hit] ?? 0;
      const n = this.#ns[hit] ?? 0;
      const at = this.#times?.[hit] ?? Number.NaN;
      totals.series.add(this.#indexes[number] ?? 0, n, Number.isNaN(at) ? time : at);
      if (this.#keys.length === 0) continue;
      const count = (this.#counts[number] ?? 0) + n;
      this.#counts[number] = count;
      const key = this.#keyed[this.#settledKeys] === hit ? this.#keys[this.#settledKeys] : undefined;
      if (key === undefined) continue;
      this.#settledKeys++;
      keys.settle(key, firstOffset + hit, count, time);
    }
    this.#foldedHits = end;
  }
}
