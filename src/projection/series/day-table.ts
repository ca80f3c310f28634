import { IndexSet } from "../index-set.js";
import { HOURS, indexOf, placeOf, WHOLE_DAY } from "./point-key.js";
import { PointTable } from "./point-table.js";

const MANY = 4096;

/** A day at one moment. Its buffers may be shared with another thread: they are not written to any more. */
export interface DayImage {
  readonly day: number;
  /** Number of its points, those that are not moved yet counted as moved. */
  readonly points: number;
  /** Buffers for `eachPoint`. */
  readonly parts: readonly SharedArrayBuffer[];
  /** Further buffers, of points that are not moved yet: their counts belong to their counters' whole day. */
  readonly unmoved: readonly SharedArrayBuffer[];
}

/**
 * The counts of a day, by counter and hour, or by counter alone once its hours are folded. Folding is one quick step, after
 * which the table reads as folded; its points are moved with the next addition to one of them, or a few at a time.
 */
export class DayTable {
  #isFolded = false;
  /** Once folded, the points that wait to be moved; undefined if none is left. */
  #hours: PointTable | undefined = new PointTable();
  /** Undefined until there is one. */
  #wholeDays: PointTable | undefined;
  /** Number of counters with a point, and the highest of their indexes. */
  #counters = 0;
  #highest = -1;

  /** Number of its points, those that are not moved yet counted as moved. */
  get points(): number {
    return this.#isFolded ? this.#counters : (this.#hours?.points ?? 0);
  }

  get isFolded(): boolean {
    return this.#isFolded;
  }

  get bytes(): number {
    return (this.#hours?.bytes ?? 0) + (this.#wholeDays?.bytes ?? 0);
  }

  /** Returns a counter's count of an hour, which must not be folded. */
  hour(index: number, hour: number): number {
    return this.#hours?.get(index, hour) ?? 0;
  }

  /** Returns a counter's count of the whole day. */
  total(index: number): number {
    let sum = this.#wholeDays?.get(index, WHOLE_DAY) ?? 0;
    if (this.#hours !== undefined) for (let hour = 0; hour < HOURS; hour++) sum += this.#hours.get(index, hour);
    return sum;
  }

  /** Adds to a counter's count of an hour; of the whole day if its hours are folded. Returns whether that made a new point. */
  add(index: number, place: number, n: number): boolean {
    if (this.#isFolded) return this.#addFolded(index, n);
    const hours = this.#hours;
    if (hours?.add(index, place, n) !== true) return false;
    // Most are new counters: looking for other points of one takes some 300 ns.
    if (index > this.#highest) this.#highest = index;
    else if (hours.hasOther(index, place)) return true;
    this.#counters++;
    return true;
  }

  /** Folds its hours. */
  fold(): void {
    this.#isFolded = true;
    this.#forgetEmptied();
  }

  /** Moves about so many of the points that wait. Returns whether more wait. */
  foldSome(points: number): boolean {
    if (this.#isFolded) this.#hours?.takeSome(points, (key, count) => this.#addWholeDay(indexOf(key), count));
    this.#forgetEmptied();
    return this.#isFolded && this.#hours !== undefined;
  }

  /** Fills an empty table. False: a key is there twice. */
  restore(keys: Uint32Array, counts: Float64Array): boolean {
    // A set for each of many small days would take longer than looking for other points.
    const seen = keys.length < MANY ? undefined : new IndexSet();
    let points = 0;
    for (const [at, key] of keys.entries()) {
      if (this.#restorePoint(key, counts[at] ?? 0, seen)) points++;
    }
    return this.#isFolded || points === keys.length;
  }

  /** Yields the indexes of its counters, more than once those with several points. */
  *indexes(): Generator<number> {
    for (const keys of [...(this.#wholeDays?.keys() ?? []), ...(this.#hours?.keys() ?? [])]) {
      for (const key of keys) if (key !== 0) yield indexOf(key);
    }
  }

  image(day: number): DayImage {
    const hours = this.#hours?.image() ?? [];
    const days = this.#wholeDays?.image() ?? [];
    const { points } = this;
    return this.#isFolded ? { day, points, parts: days, unmoved: hours } : { day, points, parts: hours, unmoved: [] };
  }

  #restorePoint(key: number, count: number, seen: IndexSet | undefined): boolean {
    const index = indexOf(key);
    if (this.#isFolded || seen === undefined) return this.add(index, placeOf(key), count);
    if (!seen.has(index)) this.#counters++;
    seen.add(index);
    this.#highest = Math.max(this.#highest, index);
    return this.#hours?.add(index, placeOf(key), count) ?? false;
  }

  #addFolded(index: number, n: number): boolean {
    this.#move(index);
    if (!this.#addWholeDay(index, n)) return false;
    this.#counters++;
    return true;
  }

  #addWholeDay(index: number, n: number): boolean {
    this.#wholeDays ??= new PointTable();
    return this.#wholeDays.add(index, WHOLE_DAY, n);
  }

  /** Moves the points of a counter, and those that are stored with them. */
  #move(index: number): void {
    if (this.#hours === undefined) return;
    this.#hours.take(index, (key, count) => this.#addWholeDay(indexOf(key), count));
    this.#forgetEmptied();
  }

  #forgetEmptied(): void {
    if (this.#isFolded && this.#hours?.points === 0) this.#hours = undefined;
  }
}
