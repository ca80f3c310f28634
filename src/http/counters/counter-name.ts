import { HitsError } from "../../errors.js";
import { checkCounterName } from "../../hit/parse-hit.js";
import { decodeOnce, decodeQueryPart, rawQueryValue } from "../target.js";

/** The counter that one segment of a path names, as sent. Throws `INVALID_COUNTER`. */
export function counterInPath(segment: string): string {
  return checked(decodeOnce(segment));
}

/**
 * The counter that a key of a query names; undefined without that key. Throws `INVALID_COUNTER`, and `INVALID_QUERY`
 * for a key that is there twice.
 */
export function counterInQuery(query: string, key: string): string | undefined {
  const raw = rawQueryValue(query, key);
  return raw === undefined ? undefined : checked(decodeQueryPart(raw));
}

function checked(name: string | undefined): string {
  if (name === undefined) {
    throw new HitsError("INVALID_COUNTER", "the counter's name is not percent-encoded UTF-8");
  }
  checkCounterName(name);
  return name;
}

/** A counter's name, with what is needed of it for an answer. */
export interface KnownName {
  readonly name: string;
  readonly json: string;
}

const MAX_CACHED = 4096;
const MAX_CACHED_LENGTH = 256;

/** Names by path segment as sent, so that a busy counter's name is decoded and checked once. Bounded. */
export class NameCache {
  readonly #known = new Map<string, KnownName>();

  /** As `counterInPath`. */
  get(segment: string): KnownName {
    const known = this.#known.get(segment);
    if (known !== undefined) return known;
    const name = counterInPath(segment);
    const fresh = { name, json: JSON.stringify(name) };
    if (segment.length <= MAX_CACHED_LENGTH) {
      if (this.#known.size >= MAX_CACHED) this.#known.clear();
      this.#known.set(segment, fresh);
    }
    return fresh;
  }
}
