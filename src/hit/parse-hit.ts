import { HitsError } from "../errors.js";
import {
  type Hit,
  MAX_AHEAD_MS,
  MAX_ID_BYTES,
  MAX_N,
  MAX_NAME_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PAYLOAD_DEPTH,
} from "../model/hit.js";

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * A counter's name is 1 to 1,024 bytes of UTF-8 without control characters (U+0000–1F, 7F–9F) or lone surrogates, and
 * not `.` or `..`; case and form as given. Throws `INVALID_COUNTER`.
 */
export function checkCounterName(name: string): void {
  const refuse = (why: string) => new HitsError("INVALID_COUNTER", `the counter's name ${why}`);
  if (name === "") throw refuse("is empty: 1 to 1,024 bytes are allowed");
  if (name === "." || name === "..") throw refuse(`is "${name}", which proxies and browsers take for a directory`);
  if (CONTROL.test(name)) throw refuse("has a control character (U+0000–1F or 7F–9F) in it");
  if (!name.isWellFormed()) throw refuse("has a lone surrogate in it, which UTF-8 can't express");
  if (name.length * 3 > MAX_NAME_BYTES) {
    const bytes = Buffer.byteLength(name);
    if (bytes > MAX_NAME_BYTES) throw refuse(`has ${bytes} bytes: at most 1,024 are allowed`);
  }
}

/** The number of a hit, from JSON or a query string. Throws `INVALID_N`. */
export function parseN(value: unknown): number {
  const n = typeof value === "string" && /^[0-9]{1,10}$/.test(value) ? Number(value) : value;
  if (typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= MAX_N) return n;
  throw new HitsError("INVALID_N", `n is ${show(value)}: a whole number from 1 to 1,000,000,000 is allowed`);
}

/** What an event time looks like as text; whether there is such a day is another matter. */
export const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** An event time, RFC 3339 text or epoch milliseconds, at most five minutes ahead of `now`. Throws `INVALID_AT`. */
export function parseAt(value: unknown, now: number): number {
  const at =
    typeof value === "string" ? (RFC3339.test(value) ? Date.parse(value.replace(" ", "T")) : Number.NaN) : value;
  if (typeof at !== "number" || !Number.isFinite(at) || !sameDay(value, at) || at < 0) {
    throw new HitsError("INVALID_AT", `at is ${show(value)}: RFC 3339 or epoch milliseconds from 1970 on are allowed`);
  }
  if (at > now + MAX_AHEAD_MS) {
    throw new HitsError("INVALID_AT", `at is ${show(value)}, more than five minutes ahead of this server's clock`);
  }
  return Math.floor(at);
}

/** `Date.parse` takes 30 February for 2 March: a day that isn't there is refused, not moved. */
function sameDay(value: unknown, at: number): boolean {
  if (typeof value !== "string") return true;
  const day = Number(value.slice(8, 10));
  const month = Number(value.slice(5, 7));
  const inMonth = new Date(Date.UTC(Number(value.slice(0, 4)), month, 0)).getUTCDate();
  return day <= inMonth && !Number.isNaN(at);
}

/** The client's key for a hit. Throws `INVALID_ID`. */
export function parseId(value: unknown): string {
  if (typeof value !== "string") throw new HitsError("INVALID_ID", `id is ${show(value)}: a text is allowed`);
  const bytes = Buffer.byteLength(value);
  if (bytes >= 1 && bytes <= MAX_ID_BYTES && value.isWellFormed() && !CONTROL.test(value)) return value;
  throw new HitsError("INVALID_ID", "id is 1 to 255 bytes of UTF-8 without control characters");
}

/** A payload as parsed JSON: an object, not nested too deep, not too large. Throws `INVALID_BODY`. */
export function parsePayload(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HitsError("INVALID_BODY", `the payload is ${show(value)}: a JSON object is allowed`);
  }
  if (!shallowerThan(value, MAX_PAYLOAD_DEPTH)) {
    throw new HitsError("INVALID_BODY", `the payload is nested more than ${MAX_PAYLOAD_DEPTH} deep`);
  }
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) {
    throw new HitsError("BODY_TOO_LARGE", "the payload is larger than 16 KiB as compact JSON");
  }
  return text;
}

function shallowerThan(value: object, depth: number): boolean {
  if (depth === 0) return false;
  for (const inner of Object.values(value)) {
    if (typeof inner === "object" && inner !== null && !shallowerThan(inner, depth - 1)) return false;
  }
  return true;
}

/**
 * One entry of a bulk request: `{"counter","n"?,"at"?,"id"?,"payload"?}`. Throws what the parts throw, and
 * `INVALID_BODY` for anything but an object, or a key that isn't one of these (a misspelt one would be lost).
 */
export function parseHit(value: unknown, now: number): Hit {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HitsError("INVALID_BODY", `a hit is ${show(value)}: an object {"counter": …} is allowed`);
  }
  let counter: unknown;
  const hit: { n: number; at?: number; id?: string; payload?: string } = { n: 1 };
  for (const [key, part] of Object.entries(value)) {
    if (key === "counter") counter = part;
    else if (key === "n") hit.n = parseN(typeof part === "string" ? Number.NaN : part);
    else if (key === "at") hit.at = parseAt(part, now);
    else if (key === "id") hit.id = parseId(part);
    else if (key === "payload") hit.payload = parsePayload(part);
    else throw new HitsError("INVALID_BODY", `a hit has no ${show(key)}: counter, n, at, id and payload are allowed`);
  }
  if (typeof counter !== "string") {
    throw new HitsError("INVALID_COUNTER", `counter is ${show(counter)}: a text is allowed`);
  }
  checkCounterName(counter);
  return { counter, ...hit };
}

/** A value for a message: short, on one line. */
function show(value: unknown): string {
  const text = value === undefined ? "missing" : Array.isArray(value) ? "an array" : showPlain(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function showPlain(value: unknown): string {
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value);
}
