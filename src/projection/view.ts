import { HitsError } from "../errors.js";
import type { LocalProjection } from "./local.js";
import type { Totals } from "./totals.js";

/** A counter as it stands. */
export interface CounterView {
  readonly counter: string;
  readonly count: number;
  readonly projected: number;
  readonly pending: number;
  readonly asOf: string;
  readonly incomplete?: true;
}

/** What every read is served from: memory, whatever state a database is in. Throws `PROJECTION_HALTED`. */
export class View {
  readonly #local: LocalProjection;

  constructor(local: LocalProjection) {
    this.#local = local;
  }

  /** A counter never seen has count 0. */
  counter(name: string): CounterView {
    return this.#show(name, this.#totals(), new Date().toISOString());
  }

  /** Up to `limit` counters by name, with this prefix, behind `after`; and what to go on with, null at the end. */
  counters(query: { prefix: string; limit: number; after: string | undefined }): {
    counters: CounterView[];
    next: string | null;
  } {
    const totals = this.#totals();
    const asOf = new Date().toISOString();
    // One more than asked for tells whether there is a next page.
    const names = totals.order.page(query.prefix, query.after, query.limit + 1);
    const shown = names.slice(0, query.limit);
    return {
      counters: shown.map((name) => this.#show(name, totals, asOf)),
      next: names.length > query.limit ? (shown.at(-1) ?? null) : null,
    };
  }

  #totals(): Totals {
    const { totals, halted } = this.#local;
    if (totals === undefined) throw halted ?? new HitsError("PROJECTION_HALTED", "the totals are unknown");
    return totals;
  }

  #show(counter: string, totals: Totals, asOf: string): CounterView {
    // Without a database the local count is all there is to be projected into.
    const count = totals.count(counter);
    const view = { counter, count, projected: count, pending: 0, asOf };
    return this.#local.incomplete ? { ...view, incomplete: true } : view;
  }
}
