import { HitsError } from "../errors.js";
import type { Database } from "./database.js";
import type { LocalProjection } from "./local.js";
import { HOUR_MS } from "./series/days.js";
import { type SeriesRange, seriesIn } from "./series/series-range.js";
import { topCounters } from "./top-counters.js";
import type { Totals } from "./totals.js";

/** A counter as it stands. */
export interface CounterView {
  readonly counter: string;
  readonly count: number;
  readonly projected: number;
  readonly pending: number;
  /** RFC 3339: when the database's part was read; null where it never was. */
  readonly asOf: string | null;
  readonly incomplete?: true;
}

/** What every read is served from: memory, whatever state a database is in. Throws `PROJECTION_HALTED`. */
export class View {
  readonly #local: LocalProjection;
  readonly #database: Database | undefined;
  #topNames: ReadonlyMap<number, string> = new Map();

  /** `database`: undefined where none is configured. */
  constructor(local: LocalProjection, database: Database | undefined) {
    this.#local = local;
    this.#database = database;
  }

  /** A counter never seen has count 0. */
  counter(name: string): CounterView {
    return this.#show(name, this.#totals(), this.#asOf());
  }

  /** This log's hits of a counter in a range of time; see `seriesIn`. */
  series({ counter, ...range }: SeriesRange & { readonly counter: string }) {
    const totals = this.#totals();
    const found = { counter, by: range.by, ...seriesIn(totals.series, totals.find(counter), range) };
    return this.#local.incomplete ? { ...found, incomplete: true as const } : found;
  }

  /** This log's hits of a counter in each of the last hours, the current one last; 0 where nothing is known of an hour. */
  lastHours(counter: string, hours: number): number[] {
    const totals = this.#totals();
    const index = totals.find(counter);
    const first = Date.now() - (hours - 1) * HOUR_MS;
    return Array.from({ length: hours }, (_, i) => totals.series.hour(index, first + i * HOUR_MS) ?? 0);
  }

  /** Up to `limit` counters by name, with this prefix, behind `after`; and what to go on with, null at the end. */
  counters(query: { prefix: string; limit: number; after: string | undefined }): {
    counters: CounterView[];
    next: string | null;
  } {
    const totals = this.#totals();
    const asOf = this.#asOf();
    // One more than asked for tells whether there is a next page.
    const names = totals.order.page(query.prefix, query.after, query.limit + 1);
    const shown = names.slice(0, query.limit);
    return {
      counters: shown.map((name) => this.#show(name, totals, asOf)),
      next: names.length > query.limit ? (shown.at(-1) ?? null) : null,
    };
  }

  /** The `limit` counters with the largest counts, and how many counters the database lacks hits of. Goes through all. */
  top(limit: number): { counters: CounterView[]; owing: number } {
    const totals = this.#totals();
    const asOf = this.#asOf();
    const { indexes, owing } = topCounters(totals, this.#database, limit);
    // Those of the last time are mostly those of now.
    this.#topNames = new Map(indexes.map((index) => [index, this.#topNames.get(index) ?? totals.nameAt(index)]));
    return { counters: [...this.#topNames.values()].map((name) => this.#show(name, totals, asOf)), owing };
  }

  #totals(): Totals {
    const { totals, halted } = this.#local;
    if (totals === undefined) throw halted ?? new HitsError("PROJECTION_HALTED", "the totals are unknown");
    return totals;
  }

  #asOf(): string | null {
    return this.#database === undefined ? new Date().toISOString() : this.#database.asOf;
  }

  #show(counter: string, totals: Totals, asOf: string | null): CounterView {
    const index = totals.find(counter);
    const own = index === undefined ? 0 : totals.countAt(index);
    const others = index === undefined ? 0 : totals.others(index);
    // Without a database the local count is all there is to be projected into.
    const confirmed = index === undefined || this.#database === undefined ? own : this.#database.confirmed(index);
    const pending = Math.max(0, own - confirmed);
    const view = { counter, count: others + own, projected: others + own - pending, pending, asOf };
    return this.#local.incomplete ? { ...view, incomplete: true } : view;
  }
}
