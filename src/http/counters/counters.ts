import { HitsError } from "../../errors.js";
import type { CounterState, CountersQuery } from "../../model/counters.js";
import type { Services } from "../../model/services.js";
import { integer, queryValue, TEXT } from "../query.js";

const DEFAULT_LIMIT = 100;
const LIMIT = integer(1, 1000);

/** Parses the query of `GET /counters`. Throws `INVALID_QUERY`. */
export function parseCountersQuery(query: string): CountersQuery {
  return {
    prefix: queryValue(query, "prefix", TEXT) ?? "",
    limit: queryValue(query, "limit", LIMIT) ?? DEFAULT_LIMIT,
    after: queryValue(query, "after", TEXT),
  };
}

/** A counter while counting from the log has halted. */
export interface UnknownCounter {
  readonly counter: string;
  readonly count: null;
  readonly projected: null;
  readonly pending: null;
}

/** Returns a counter's state, or nulls while the counts are unknown: for what is shown in either case. */
export function counterOrUnknown(services: Services, name: string): CounterState | UnknownCounter {
  try {
    return services.view.counter(name);
  } catch (error) {
    if (!(error instanceof HitsError && error.code === "PROJECTION_HALTED")) throw error;
    return { counter: name, count: null, projected: null, pending: null };
  }
}
