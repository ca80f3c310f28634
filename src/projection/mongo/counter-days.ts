import { DAY_MS, dayName, dayOf, partsOfDayName } from "../series/days.js";
import type { Series } from "../series/series.js";
import { BoundedDocuments } from "./bounded-documents.js";
import type { Counters } from "./counters.js";
import { type DocumentSource, keyOf, partsOf } from "./dirty-documents.js";
import type { SlotUpdate } from "./store.js";

/** The counters' days as this log has them, and their documents. The counts are the series'. */
export class CounterDays implements DocumentSource {
  readonly documents: BoundedDocuments;
  /** The series may begin later than the log. */
  readonly toleratesSurplus = true;
  readonly series: Series;
  readonly #counters: Counters;

  constructor(series: Series, counters: Counters, maxRows?: number) {
    this.series = series;
    this.#counters = counters;
    this.documents = new BoundedDocuments(this, maxRows);
  }

  /** Marks the day of a hit that the series has, and the database may lack. */
  touch(index: number, at: number, endOffset: number): void {
    this.documents.touch(keyOf(index, dayOf(at)), endOffset);
  }

  find(name: string): number | undefined {
    const parts = partsOfDayName(name);
    const index = parts === undefined ? undefined : this.#counters.find(parts.counter);
    return parts === undefined || index === undefined ? undefined : keyOf(index, parts.day);
  }

  nameOf(key: number): string {
    const { index, day } = partsOf(key);
    return dayName(day, this.#counters.nameOf(index));
  }

  total(key: number): number {
    const { index, day } = partsOf(key);
    return this.series.count(index, day) ?? 0;
  }

  update(key: number, slots: SlotUpdate): SlotUpdate {
    const { index, day } = partsOf(key);
    const hours = this.series.hours(index, day);
    return { ...slots, day: { counter: this.#counters.nameOf(index), at: day * DAY_MS, hours } };
  }

  days(): number[] {
    return this.series.days();
  }

  indexesOf(day: number): Iterable<number> {
    return this.series.indexesOf(day);
  }
}
