import { HitsError } from "../errors.js";
import { checkCounterName } from "../hit/parse-hit.js";
import { decodeOnce, decodeQueryPart, rawQueryValue } from "./query.js";

/** Returns the counter named by a path segment, which is given as sent. Throws `INVALID_COUNTER`. */
export function counterInPath(segment: string): string {
  return checkName(decodeOnce(segment));
}

/**
 * Returns the counter named by a query parameter; undefined without it. Throws `INVALID_COUNTER`, and `INVALID_QUERY` for
 * a parameter that is given twice.
 */
export function counterInQuery(query: string, key: string): string | undefined {
  const raw = rawQueryValue(query, key);
  return raw === undefined ? undefined : checkName(decodeQueryPart(raw));
}

/** Returns the counter named by `counter` in the query. Throws as `counterInQuery` does, and `INVALID_QUERY` without it. */
export function requiredCounter(query: string): string {
  const counter = counterInQuery(query, "counter");
  if (counter === undefined) throw new HitsError("INVALID_QUERY", "query parameter `counter` is required");
  return counter;
}

function checkName(name: string | undefined): string {
  if (name === undefined) {
    throw new HitsError("INVALID_COUNTER", "the counter's name must be percent-encoded UTF-8");
  }
  checkCounterName(name);
  return name;
}

/** A valid counter name, also as JSON. */
export interface CheckedName {
  readonly name: string;
  readonly json: string;
}

const MAX_CACHED = 4096;
const MAX_CACHED_LENGTH = 256;

/** Checked names by path segment as sent, so that a busy counter's name is decoded and checked once. Bounded. */
export class NameCache {
  readonly #names = new Map<string, CheckedName>();

  /** Returns the name in a path segment. Throws as `counterInPath` does. */
  get(segment: string): CheckedName {
    const cached = this.#names.get(segment);
    if (cached !== undefined) return cached;
    const name = counterInPath(segment);
    const fresh = { name, json: JSON.stringify(name) };
    if (segment.length <= MAX_CACHED_LENGTH) {
      if (this.#names.size >= MAX_CACHED) this.#names.clear();
      // A copy, since a slice would keep its whole URL in memory; node reads URLs as Latin-1. Decoding has made one of the name.
      this.#names.set(Buffer.from(segment, "latin1").toString("latin1"), fresh);
    }
    return fresh;
  }
}
