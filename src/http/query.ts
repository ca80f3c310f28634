import { HitsError } from "../errors.js";

/** Decodes percent-encoded text once and strictly; undefined for a broken escape or bytes that are not UTF-8. */
export function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Decodes a part of a query, in which `+` is a space, as `decodeOnce` does. */
export function decodeQueryPart(text: string): string | undefined {
  return decodeOnce(text.replaceAll("+", " "));
}

/**
 * Returns the undecoded value of a query parameter; undefined without it. Throws `INVALID_QUERY` for a parameter that is
 * given more than once: no choice among its values would be right.
 */
export function rawQueryValue(query: string, key: string): string | undefined {
  if (query === "") return undefined;
  let found: string | undefined;
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const rawKey = equals === -1 ? pair : pair.slice(0, equals);
    if (rawKey !== key && decodeQueryPart(rawKey) !== key) continue;
    if (found !== undefined) throw invalid(key, "is given more than once");
    found = equals === -1 ? "" : pair.slice(equals + 1);
  }
  return found;
}

/** A type of query parameter. openapi.json describes the same values; a test compares the two. */
export interface QueryType<T> {
  /** Completes the message "query parameter `…` must be …". */
  readonly expected: string;
  /** Returns undefined for text that is not of this type. */
  readonly parse: (text: string) => T | undefined;
}

export const TEXT: QueryType<string> = { expected: "text", parse: (text) => text };

export function oneOf<T extends string>(choices: readonly T[]): QueryType<T> {
  return { expected: `one of ${choices.join(", ")}`, parse: (text) => choices.find((choice) => choice === text) };
}

/** Digits only, no more of them than `max` has. */
export function integer(min: number, max: number): QueryType<number> {
  const [least, most] = [min, max].map((bound) => bound.toLocaleString("en-US"));
  return {
    expected: `an integer from ${least} to ${most}`,
    parse: (text) => {
      if (!/^\d+$/.test(text) || text.length > String(max).length) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** Returns the value of a query parameter; undefined without it. Throws `INVALID_QUERY`. */
export function queryValue<T>(query: string, key: string, type: QueryType<T>): T | undefined {
  const raw = rawQueryValue(query, key);
  if (raw === undefined) return undefined;
  const text = decodeQueryPart(raw);
  if (text === undefined) throw invalid(key, "must be percent-encoded UTF-8");
  const value = type.parse(text);
  if (value === undefined) throw invalid(key, `must be ${type.expected}, got ${JSON.stringify(shorten(text))}`);
  return value;
}

/** Shortens a value for a message. */
export function shorten(value: string): string {
  return value.length > 60 ? `${value.slice(0, 57)}…` : value;
}

function invalid(key: string, problem: string): HitsError {
  return new HitsError("INVALID_QUERY", `query parameter \`${key}\` ${problem}`);
}
