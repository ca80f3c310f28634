import { dayName, dayOf, partsOfDayName } from "../../projection/series/days.js";
import type { Totals } from "../../projection/totals.js";
import type { Difference } from "./report.js";
import { judgeRow, type LogSide, type Rows } from "./rows.js";

interface AddedHit {
  readonly n: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly offset: number;
}

/** The days of all counters: rows by the names of their documents, filled in from the log. */
export class DayRows {
  readonly rows: Rows;
  /** Documents read. */
  documents = 0;
  /** The first day that is compared: earlier ones are not known, or were dropped. */
  #since = Number.NEGATIVE_INFINITY;
  /** By day and the counter's own row: the row of the day. */
  readonly #indexes = new Map<number, Map<number, number>>();

  constructor(rows: Rows) {
    this.rows = rows;
  }

  /** Starts with a snapshot's counts; without one at the log's birth. */
  start(totals: Totals | undefined): void {
    this.rows.start(undefined);
    if (totals === undefined) return;
    const { series } = totals;
    this.startAt(series.since);
    const names = [...totals.names()].map(([name]) => name);
    for (const day of series.days()) {
      for (const index of new Set(series.indexesOf(day))) {
        this.rows.startRow(dayName(day, names[index] ?? ""), series.count(index, day) ?? 0);
      }
    }
  }

  /** Sets the first day from which on the projection into MongoDB is whole. */
  startAt(day: number | undefined): void {
    this.#since = Math.max(this.#since, day ?? Number.NEGATIVE_INFINITY);
  }

  /** Adds a hit of the counter with this name and row. */
  add(counter: string, counterRow: number, { n, at, offset }: AddedHit): void {
    const day = dayOf(at);
    let ofDay = this.#indexes.get(day);
    if (ofDay === undefined) {
      ofDay = new Map();
      this.#indexes.set(day, ofDay);
    }
    const index = ofDay.get(counterRow) ?? this.rows.indexOf(dayName(day, counter));
    ofDay.set(counterRow, index);
    this.rows.add(index, n, offset);
  }

  /**
   * Compares the days; returns what differs, and how many were compared. None are for a repaired log, since the days of
   * restored records are not known, nor if MongoDB has no day of this log yet: a release without days filled it.
   */
  judge(log: LogSide, checkpoint: number): { differing: Difference[]; checked: number } {
    const differing: Difference[] = [];
    let checked = 0;
    const isFilled = this.rows.all.some(({ document }) => document === "slot");
    for (const row of this.rows.all) {
      const { hours, count } = row.slot;
      if (hours !== undefined && hours !== count) {
        const [kind, offset, bound] = ["series-hours", row.slot.offset, "exactly"] as const;
        differing.push({
          counter: row.name,
          kind,
          offset,
          expected: count,
          bound,
          found: Number.isNaN(hours) ? "no whole numbers" : hours,
        });
      }
      if (!isFilled || log.hasMissing || row.document === "damaged") continue;
      if (!((partsOfDayName(row.name)?.day ?? Number.NaN) >= this.#since)) continue;
      if (row.document === "none" && row.start + row.pending === 0) continue;
      checked++;
      const { difference } = judgeRow(row, log, checkpoint);
      if (difference !== undefined) {
        differing.push({ ...difference, counter: row.name, kind: `series-${difference.kind}` as Difference["kind"] });
      }
    }
    return { differing, checked };
  }
}
