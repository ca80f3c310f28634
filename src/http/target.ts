import { HitsError } from "../errors.js";

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i;

/**
 * A request target in one form: path and query only. A `#`, which no target should have, is a character like others:
 * cutting the target there would count for another counter than the one that was sent.
 */
export function normalTarget(url: string): string {
  const local = url.startsWith("/") ? url : url.replace(ABSOLUTE, "");
  const rooted = local === "" || local.startsWith("?") ? `/${local}` : local;
  return rooted.replaceAll("#", "%23");
}

/** Percent-decoding, once and strictly: undefined for a broken escape or for bytes that aren't UTF-8. */
export function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The same for a part of a query, where `+` is a space. */
export function decodeQueryPart(text: string): string | undefined {
  return decodeOnce(text.replaceAll("+", " "));
}

/**
 * The value of a key of a query, not yet decoded; undefined without that key. Throws `INVALID_QUERY` where the key is
 * there more than once: no choice among them would be right.
 */
export function rawQueryValue(query: string, key: string): string | undefined {
  if (query === "") return undefined;
  let found: string | undefined;
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const rawKey = equals === -1 ? pair : pair.slice(0, equals);
    if (rawKey !== key && decodeQueryPart(rawKey) !== key) continue;
    if (found !== undefined) throw new HitsError("INVALID_QUERY", `${key} is in the query more than once`);
    found = equals === -1 ? "" : pair.slice(equals + 1);
  }
  return found;
}

/** The decoded value of a key of a query. Throws `INVALID_QUERY`, also for broken percent-encoding. */
export function queryValue(query: string, key: string): string | undefined {
  const raw = rawQueryValue(query, key);
  if (raw === undefined) return undefined;
  const value = decodeQueryPart(raw);
  if (value === undefined) throw new HitsError("INVALID_QUERY", `${key} is not percent-encoded UTF-8`);
  return value;
}
