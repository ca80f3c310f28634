import { type DayImage, DayTable } from "./day-table.js";
import { DAY_MS, dayOf, HOUR_MS } from "./days.js";
import { HOURS } from "./point-key.js";
import { SortedDays } from "./sorted-days.js";

/** About how many points are moved at once from hours to their day: some 50 µs. */
const FOLDED_AT_ONCE = 1024;

export interface SeriesLimits {
  /** Age at which hours are folded into their day. */
  readonly hoursKeptMs: number;
  /** The most points: a point is a counter's hour, or its day, that had a hit. */
  readonly maxPoints: number;
}

const NO_LIMITS: SeriesLimits = { hoursKeptMs: Number.POSITIVE_INFINITY, maxPoints: Number.POSITIVE_INFINITY };

/** A series at one moment, for a snapshot; nothing is copied. */
export interface SeriesImage {
  /** As `Series.since` and `Series.hoursSince`; null for undefined. */
  readonly since: number | null;
  readonly hoursSince: number | null;
  readonly days: readonly DayImage[];
}

/**
 * Counts by counter, hour and day (UTC), by the time of the hit. A counter is given by its index in the totals.
 *
 * Memory is bounded: hours older than `hoursKeptMs` before the batch that was noted last are folded into their day. With
 * more than `maxPoints` points the oldest hours are folded, then the oldest days dropped; a hit of a dropped day is counted
 * only in the totals. All of that depends on the log alone: the same log gives the same series. Folding takes no longer for
 * more points: they move to their days later, some with every batch and every new point, and read as if they had.
 */
export class Series {
  readonly #days = new SortedDays<DayTable>();
  /** Tables with points that wait to be moved to their days. */
  readonly #folding: DayTable[] = [];
  #limits = NO_LIMITS;
  #points = 0;
  /** The first day with counts, and the first with hours. */
  #since = Number.NEGATIVE_INFINITY;
  #hoursSince = Number.NEGATIVE_INFINITY;
  /** Hours of days before this one are too old, for batches from the time `#oldHoursFrom` on, for a day. */
  #oldHours = Number.NEGATIVE_INFINITY;
  #oldHoursFrom = Number.POSITIVE_INFINITY;
  /** The hour of the hit that was added last: most hits are of the same one. */
  #from = Number.POSITIVE_INFINITY;
  #place = 0;
  #table: DayTable | undefined;

  /** The first day from which the series is whole; undefined: since the log's birth. */
  get since(): number | undefined {
    return finite(this.#since);
  }

  /** The first day from which it has hours; undefined: since the log's birth. */
  get hoursSince(): number | undefined {
    return finite(this.#hoursSince);
  }

  get points(): number {
    return this.#points;
  }

  get bytes(): number {
    let bytes = 0;
    for (const [, table] of this.#days) bytes += table.bytes;
    return bytes;
  }

  /** Sets the limits. They apply to existing counts now, or when the next time is noted. */
  setLimits(limits: SeriesLimits): void {
    this.#limits = limits;
    this.#oldHoursFrom = Number.POSITIVE_INFINITY;
    this.#trim();
  }

  /** Makes this the first day, at the earliest: nothing is known of days before it. */
  startAt(day: number): void {
    this.#since = Math.max(this.#since, day);
    this.#hoursSince = Math.max(this.#hoursSince, day);
    this.#forgetSelected();
  }

  /** Notes the time of a batch, before its hits are added. */
  noteTime(time: number): void {
    if (this.#folding.length > 0) this.#foldSome();
    if (time >= this.#oldHoursFrom && time < this.#oldHoursFrom + DAY_MS) return;
    const { hoursKeptMs } = this.#limits;
    this.#oldHours = dayOf(time - hoursKeptMs);
    this.#oldHoursFrom = Number.isFinite(hoursKeptMs) ? this.#oldHours * DAY_MS + hoursKeptMs : time;
    const newest = this.#days.lastBefore(this.#oldHours);
    if (newest !== undefined) this.#foldBelow(newest + 1);
  }

  /** Adds hits of the counter with this index. */
  add(index: number, n: number, at: number): void {
    if (!(at >= this.#from && at < this.#from + HOUR_MS)) this.#select(at);
    if (this.#table?.add(index, this.#place, n) === true) this.#noteNewPoint();
  }

  /** Returns all days with a hit, ascending. */
  days(): number[] {
    return [...this.#days].map(([day]) => day);
  }

  /** Returns a counter's hits of a day; undefined for an unknown day. `index`: undefined for a counter never seen. */
  count(index: number | undefined, day: number): number | undefined {
    if (day < this.#since) return undefined;
    return index === undefined ? 0 : (this.#days.get(day)?.total(index) ?? 0);
  }

  /** Returns a counter's hits of the hour of this time; undefined for an unknown hour. */
  hour(index: number | undefined, at: number): number | undefined {
    const day = dayOf(at);
    if (day < this.#hoursSince) return undefined;
    if (index === undefined) return 0;
    return this.#days.get(day)?.hour(index, Math.floor((at - day * DAY_MS) / HOUR_MS)) ?? 0;
  }

  /** Returns a counter's hits by the hours of a day, 24 of them; undefined if they are unknown. */
  hours(index: number, day: number): number[] | undefined {
    if (day < this.#hoursSince) return undefined;
    const table = this.#days.get(day);
    return Array.from({ length: HOURS }, (_, hour) => table?.hour(index, hour) ?? 0);
  }

  /** Yields the indexes of the counters with a hit on a day, once for each hour with one. */
  *indexesOf(day: number): Generator<number> {
    yield* this.#days.get(day)?.indexes() ?? [];
  }

  image(): SeriesImage {
    const days: DayImage[] = [];
    for (const [day, table] of this.#days) days.push(table.image(day));
    return { since: this.since ?? null, hoursSince: this.hoursSince ?? null, days };
  }

  /** Takes a day of a snapshot into a series that has none of it. False: no `image` can have had it. */
  restore(day: number, keys: Uint32Array, counts: Float64Array): boolean {
    if (!Number.isSafeInteger(day) || this.#days.get(day) !== undefined) return false;
    const table = new DayTable();
    if (day < this.#hoursSince) table.fold();
    if (!table.restore(keys, counts)) return false;
    this.#days.set(day, table);
    this.#points += table.points;
    return true;
  }

  /** Takes the first days from a snapshot; its hours may begin later. */
  restoreBounds(since: number | null, hoursSince: number | null): void {
    if (since !== null) this.startAt(since);
    if (hoursSince !== null) this.#hoursSince = Math.max(this.#hoursSince, hoursSince);
    this.#forgetSelected();
  }

  #select(at: number): void {
    const day = dayOf(at);
    // First, since it drops the selected hour. Hours never begin before days.
    if (day >= this.#hoursSince && day < this.#oldHours) this.#foldBelow(day + 1);
    this.#from = Math.floor(at / HOUR_MS) * HOUR_MS;
    this.#table = undefined;
    if (day < this.#since) return;
    this.#place = (this.#from - day * DAY_MS) / HOUR_MS;
    this.#table = this.#days.get(day);
    if (this.#table !== undefined) return;
    this.#table = new DayTable();
    if (day < this.#hoursSince) this.#table.fold();
    this.#days.set(day, this.#table);
  }

  #noteNewPoint(): void {
    if (this.#folding.length > 0) this.#foldSome();
    if (++this.#points > this.#limits.maxPoints) this.#trim();
  }

  /** Folds the hours of all days before this one. */
  #foldBelow(day: number): void {
    if (day <= this.#hoursSince) return;
    for (const [, table] of this.#days.range(this.#hoursSince, day)) {
      const before = table.points;
      table.fold();
      this.#points += table.points - before;
      this.#folding.push(table);
    }
    this.#hoursSince = day;
    this.#forgetSelected();
  }

  #foldSome(): void {
    if (this.#folding.at(-1)?.foldSome(FOLDED_AT_ONCE) !== true) this.#folding.pop();
  }

  #trim(): void {
    while (this.#points > this.#limits.maxPoints) {
      const oldest = this.#days.firstFrom(this.#hoursSince);
      if (oldest !== undefined) this.#foldBelow(oldest + 1);
      else this.#drop(this.#days.firstFrom(Number.NEGATIVE_INFINITY) ?? 0);
    }
  }

  #drop(day: number): void {
    this.#points -= this.#days.get(day)?.points ?? 0;
    this.#days.delete(day);
    this.startAt(day + 1);
  }

  #forgetSelected(): void {
    this.#from = Number.POSITIVE_INFINITY;
    this.#table = undefined;
  }
}

function finite(day: number): number | undefined {
  return Number.isFinite(day) ? day : undefined;
}
