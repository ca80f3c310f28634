import { HitsError } from "../errors.js";
import type { CounterSeries, CounterState, CountersPage, CountersQuery, SeriesQuery } from "../model/counters.js";
import type { CounterReader } from "../model/services.js";
import type { ConfirmedCounts } from "./confirmed-counts.js";
import type { LocalProjection } from "./local.js";
import { HOUR_MS } from "./series/days.js";
import { seriesBuckets } from "./series/series-range.js";
import { topCounters } from "./top-counters.js";
import type { Totals } from "./totals.js";

export interface TopCounters {
  readonly counters: readonly CounterState[];
  /** Counters that the database lacks hits of. */
  readonly owing: number;
}

/** Reads, served from memory whatever state a database is in. Throws `PROJECTION_HALTED`. */
export class View implements CounterReader {
  readonly #local: LocalProjection;
  readonly #database: ConfirmedCounts | undefined;
  #topNames: ReadonlyMap<number, string> = new Map();

  /** `database`: undefined if none is configured. */
  constructor(local: LocalProjection, database: ConfirmedCounts | undefined) {
    this.#local = local;
    this.#database = database;
  }

  /** Number of counters; undefined while the counts are unknown. */
  get size(): number | undefined {
    return this.#local.totals?.size;
  }

  /** Returns a counter's state; a counter never seen has count 0. */
  counter(name: string): CounterState {
    return this.#show(name, this.#totals(), this.#asOf());
  }

  /** Returns this log's hits of a counter in a range of time; see `seriesBuckets`. */
  series({ counter, ...range }: SeriesQuery): CounterSeries {
    const totals = this.#totals();
    const found = { counter, by: range.by, ...seriesBuckets(totals.series, totals.find(counter), range) };
    return this.#local.incomplete ? { ...found, incomplete: true as const } : found;
  }

  /** Returns this log's hits of a counter in each of the last hours, the current one last; 0 for an unknown hour. */
  lastHours(counter: string, hours: number): number[] {
    const totals = this.#totals();
    const index = totals.find(counter);
    const first = Date.now() - (hours - 1) * HOUR_MS;
    return Array.from({ length: hours }, (_, i) => totals.series.hour(index, first + i * HOUR_MS) ?? 0);
  }

  /** Resolves to up to `limit` counters with this prefix, in the order of their names, after `after`. */
  async counters(query: CountersQuery): Promise<CountersPage> {
    const totals = this.#totals();
    // One name more than asked for shows whether there is a next page.
    const names = await totals.order.page(query.prefix, query.after, query.limit + 1);
    const shown = names.slice(0, query.limit);
    const asOf = this.#asOf();
    return {
      counters: shown.map((name) => this.#show(name, totals, asOf)),
      next: names.length > query.limit ? (shown.at(-1) ?? null) : null,
    };
  }

  /** Resolves to the `limit` counters with the largest counts. Scans all counters. Throws `PROJECTION_HALTED`. */
  async top(limit: number): Promise<TopCounters> {
    const totals = this.#totals();
    const { indexes, owing } = await topCounters(totals, this.#database, limit);
    // Mostly the same counters as last time.
    this.#topNames = new Map(indexes.map((index) => [index, this.#topNames.get(index) ?? totals.nameAt(index)]));
    const asOf = this.#asOf();
    const counters = [...this.#topNames.values()].map((name) => this.#show(name, totals, asOf));
    // They may have changed since they were looked at.
    return { counters: counters.sort((a, b) => b.count - a.count), owing };
  }

  #totals(): Totals {
    const { totals, halted } = this.#local;
    if (totals === undefined) throw halted ?? new HitsError("PROJECTION_HALTED", "the totals are unknown");
    return totals;
  }

  #asOf(): string | null {
    return this.#database === undefined ? new Date().toISOString() : this.#database.asOf;
  }

  #show(counter: string, totals: Totals, asOf: string | null): CounterState {
    const index = totals.find(counter);
    const own = index === undefined ? 0 : totals.countAt(index);
    const remote = index === undefined ? 0 : totals.remote(index);
    // Without a database the local count counts as projected.
    const confirmed = index === undefined || this.#database === undefined ? own : this.#database.confirmed(index);
    const pending = Math.max(0, own - confirmed);
    const view = { counter, count: remote + own, projected: remote + own - pending, pending, asOf };
    return this.#local.incomplete ? { ...view, incomplete: true } : view;
  }
}
