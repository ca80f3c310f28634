import { DayTable, type DayTableImage } from "./day-table.js";
import { DAY_MS, dayOf, HOUR_MS } from "./days.js";

/** Hours of a day that a key has room for; the one behind the last is the day without its hours. */
const PLACE_BITS = 5;
const PLACES = 1 << PLACE_BITS;
const HOURS = 24;
const WHOLE_DAY = HOURS;

export interface SeriesLimits {
  /** How long hours are kept before they are folded into their day. */
  readonly hoursKeptMs: number;
  /** How many points there may be: a counter's hour, or its day, that had a hit. */
  readonly maxPoints: number;
}

const NO_LIMITS: SeriesLimits = { hoursKeptMs: Number.POSITIVE_INFINITY, maxPoints: Number.POSITIVE_INFINITY };

/** What a snapshot needs of a series at one moment: nothing of it is copied. */
export interface SeriesImage {
  /** Days, null for none: as `Series.since` and `Series.hoursSince`. */
  readonly since: number | null;
  readonly hoursSince: number | null;
  readonly days: readonly (DayTableImage & { readonly day: number })[];
}

/**
 * Counts by counter, hour and day (UTC), by the time of the hit. A counter is known by its index in the totals.
 *
 * Memory is bounded: hours older than `hoursKeptMs` before the batch that was noted last are folded into their day. With
 * more than `maxPoints` points the oldest hours are folded, then the oldest days dropped; a hit of a dropped day is counted
 * in the totals alone. All of that goes by what is in the log: the same log gives the same series.
 */
export class Series {
  readonly #days = new Map<number, DayTable>();
  #limits = NO_LIMITS;
  #points = 0;
  /** Nothing is known of days before this one, and no hours of days before that one. */
  #since = Number.NEGATIVE_INFINITY;
  #hoursSince = Number.NEGATIVE_INFINITY;
  /** By the time noted last, hours of days before this one are too old; it stands for times from `#oldHoursFrom` on, for a day. */
  #oldHours = Number.NEGATIVE_INFINITY;
  #oldHoursFrom = Number.POSITIVE_INFINITY;
  /** The hour of the hit that was added last, at hand: most hits are of the same one. */
  #from = Number.POSITIVE_INFINITY;
  #place = 0;
  #table: DayTable | undefined;

  /** From which day on the series is whole; undefined: from the log's birth on. */
  get since(): number | undefined {
    return finite(this.#since);
  }

  /** From which day on it has hours; undefined: from the log's birth on. */
  get hoursSince(): number | undefined {
    return finite(this.#hoursSince);
  }

  get points(): number {
    return this.#points;
  }

  get bytes(): number {
    let bytes = 0;
    for (const table of this.#days.values()) bytes += table.bytes;
    return bytes;
  }

  /** Sets the bounds; what is there already is held to them now, or by the next time that is noted. */
  setLimits(limits: SeriesLimits): void {
    this.#limits = limits;
    this.#oldHoursFrom = Number.POSITIVE_INFINITY;
    this.#trim();
  }

  /** Says that nothing is known of days before this one. */
  startAt(day: number): void {
    this.#since = Math.max(this.#since, day);
    this.#hoursSince = Math.max(this.#hoursSince, day);
    this.#forgetSelected();
  }

  /** Notes the time of a batch, before its hits are added. */
  noteTime(time: number): void {
    if (time >= this.#oldHoursFrom && time < this.#oldHoursFrom + DAY_MS) return;
    const { hoursKeptMs } = this.#limits;
    this.#oldHours = dayOf(time - hoursKeptMs);
    this.#oldHoursFrom = Number.isFinite(hoursKeptMs) ? this.#oldHours * DAY_MS + hoursKeptMs : time;
    let newest = Number.NEGATIVE_INFINITY;
    for (const day of this.#days.keys()) if (day < this.#oldHours) newest = Math.max(newest, day);
    this.#foldBelow(newest + 1);
  }

  /** Adds hits of the counter of this index. */
  add(index: number, n: number, at: number): void {
    if (!(at >= this.#from && at < this.#from + HOUR_MS)) this.#select(at);
    const table = this.#table;
    if (table === undefined) return;
    if (table.add((index << PLACE_BITS) + this.#place + 1, n) && ++this.#points > this.#limits.maxPoints) this.#trim();
  }

  /** All days that a hit is known of, in order. */
  days(): number[] {
    return [...this.#days.keys()].sort((a, b) => a - b);
  }

  /** A counter's hits of a day; undefined where nothing is known of that day. No index: a counter never seen. */
  count(index: number | undefined, day: number): number | undefined {
    if (day < this.#since) return undefined;
    const table = this.#days.get(day);
    if (table === undefined || index === undefined) return 0;
    if (day < this.#hoursSince) return table.get(index * PLACES + WHOLE_DAY + 1);
    let sum = 0;
    for (let hour = 0; hour < HOURS; hour++) sum += table.get(index * PLACES + hour + 1);
    return sum;
  }

  /** A counter's hits of the hour that this moment lies in; undefined where they are not known. */
  hour(index: number | undefined, at: number): number | undefined {
    const day = dayOf(at);
    if (day < this.#hoursSince) return undefined;
    if (index === undefined) return 0;
    return this.#days.get(day)?.get(index * PLACES + Math.floor((at - day * DAY_MS) / HOUR_MS) + 1) ?? 0;
  }

  /** A counter's hits by the hours of a day, 24 of them; undefined where they are not known. */
  hours(index: number, day: number): number[] | undefined {
    if (day < this.#hoursSince) return undefined;
    const table = this.#days.get(day);
    return Array.from({ length: HOURS }, (_, hour) => table?.get(index * PLACES + hour + 1) ?? 0);
  }

  /** The indexes of the counters that had a hit on a day, as far as is known; once for each hour in which they had one. */
  *indexesOf(day: number): Generator<number> {
    for (const key of this.#days.get(day)?.keys ?? []) if (key !== 0) yield (key - 1) >>> PLACE_BITS;
  }

  image(): SeriesImage {
    const days = [...this.#days].map(([day, table]) => ({ day, ...table.image() }));
    return { since: this.since ?? null, hoursSince: this.hoursSince ?? null, days };
  }

  /** Takes a day of a snapshot into a series that has none of it. False where it is none that `image` can have had. */
  restore(day: number, keys: Uint32Array, counts: Float64Array): boolean {
    if (!Number.isSafeInteger(day) || this.#days.has(day)) return false;
    const table = new DayTable(keys.length);
    for (const [at, key] of keys.entries()) if (key !== 0) table.add(key, counts[at] ?? 0);
    this.#days.set(day, table);
    this.#points += table.points;
    return table.points === keys.length;
  }

  /** As `startAt`, for what a snapshot says; its hours may begin later. */
  restoreBounds(since: number | null, hoursSince: number | null): void {
    if (since !== null) this.startAt(since);
    if (hoursSince !== null) this.#hoursSince = Math.max(this.#hoursSince, hoursSince);
    this.#forgetSelected();
  }

  #select(at: number): void {
    const day = dayOf(at);
    // First: it forgets what was at hand. Hours are never known of days of which nothing is.
    if (day >= this.#hoursSince && day < this.#oldHours) this.#foldBelow(day + 1);
    this.#from = Math.floor(at / HOUR_MS) * HOUR_MS;
    this.#table = undefined;
    if (day < this.#since) return;
    this.#place = day < this.#hoursSince ? WHOLE_DAY : (this.#from - day * DAY_MS) / HOUR_MS;
    this.#table = this.#days.get(day);
    if (this.#table !== undefined) return;
    this.#table = new DayTable();
    this.#days.set(day, this.#table);
  }

  /** Folds the hours of all days before this one. */
  #foldBelow(day: number): void {
    if (day <= this.#hoursSince) return;
    for (const [one, table] of this.#days) {
      if (one < this.#hoursSince || one >= day) continue;
      const folded = table.map((key) => key - ((key - 1) % PLACES) + WHOLE_DAY);
      this.#days.set(one, folded);
      this.#points += folded.points - table.points;
    }
    this.#hoursSince = day;
    this.#forgetSelected();
  }

  #trim(): void {
    while (this.#points > this.#limits.maxPoints) {
      const oldest = this.#oldest(this.#hoursSince);
      if (oldest !== undefined) this.#foldBelow(oldest + 1);
      else this.#drop(this.#oldest(Number.NEGATIVE_INFINITY) ?? 0);
    }
  }

  #drop(day: number): void {
    this.#points -= this.#days.get(day)?.points ?? 0;
    this.#days.delete(day);
    this.startAt(day + 1);
  }

  /** The oldest day from this one on. */
  #oldest(from: number): number | undefined {
    let oldest: number | undefined;
    for (const day of this.#days.keys()) if (day >= from && (oldest === undefined || day < oldest)) oldest = day;
    return oldest;
  }

  #forgetSelected(): void {
    this.#from = Number.POSITIVE_INFINITY;
    this.#table = undefined;
  }
}

function finite(day: number): number | undefined {
  return Number.isFinite(day) ? day : undefined;
}
