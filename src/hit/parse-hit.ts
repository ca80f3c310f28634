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

// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches control characters on purpose.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Checks a counter's name: 1 to 1,024 bytes of UTF-8 without control characters (U+0000–1F, 7F–9F) or lone surrogates,
 * and not `.` or `..`; case and Unicode form are kept as given. Throws `INVALID_COUNTER`.
 */
export function checkCounterName(name: string): void {
  const invalid = (must: string) => new HitsError("INVALID_COUNTER", `the counter's name must ${must}`);
  if (name === "") throw invalid("be 1 to 1,024 bytes, got an empty name");
  if (name === "." || name === "..") throw invalid(`not be "${name}", which proxies and browsers treat as a directory`);
  if (CONTROL.test(name)) throw invalid("not contain control characters (U+0000–1F, 7F–9F)");
  if (!name.isWellFormed()) throw invalid("not contain a lone surrogate, which UTF-8 can't express");
  if (name.length * 3 > MAX_NAME_BYTES) {
    const bytes = Buffer.byteLength(name);
    if (bytes > MAX_NAME_BYTES) throw invalid(`be at most 1,024 bytes, got ${bytes}`);
  }
}

/** Parses the `n` of a hit, from JSON or a query string. Throws `INVALID_N`. */
export function parseN(value: unknown): number {
  const n = typeof value === "string" && /^[0-9]{1,10}$/.test(value) ? Number(value) : value;
  if (typeof n === "number" && Number.isInteger(n) && n >= 1 && n <= MAX_N) return n;
  throw new HitsError("INVALID_N", `n must be an integer from 1 to 1,000,000,000, got ${show(value)}`);
}

/** The form of an event time as text; the day may still not exist. */
const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/** Parses an event time: RFC 3339 text or epoch milliseconds, at most five minutes ahead of `now`. Throws `INVALID_AT`. */
export function parseAt(value: unknown, now: number): number {
  const at =
    typeof value === "string" ? (RFC3339.test(value) ? Date.parse(value.replace(" ", "T")) : Number.NaN) : value;
  if (typeof at !== "number" || !Number.isFinite(at) || !dayExists(value, at) || at < 0) {
    const expected = "an RFC 3339 time or epoch milliseconds, not before 1970";
    throw new HitsError("INVALID_AT", `at must be ${expected}, got ${show(value)}`);
  }
  if (at > now + MAX_AHEAD_MS) {
    const expected = "at most five minutes ahead of this server's clock";
    throw new HitsError("INVALID_AT", `at must be ${expected}, got ${show(value)}`);
  }
  return Math.floor(at);
}

/** Returns true if the day exists: `Date.parse` takes 30 February for 2 March. */
function dayExists(value: unknown, at: number): boolean {
  if (typeof value !== "string") return true;
  const day = Number(value.slice(8, 10));
  const month = Number(value.slice(5, 7));
  const inMonth = new Date(Date.UTC(Number(value.slice(0, 4)), month, 0)).getUTCDate();
  return day <= inMonth && !Number.isNaN(at);
}

/** Checks the client's key for a hit. Throws `INVALID_ID`. */
export function parseId(value: unknown): string {
  if (typeof value !== "string") throw new HitsError("INVALID_ID", `id must be a string, got ${show(value)}`);
  const bytes = Buffer.byteLength(value);
  if (bytes >= 1 && bytes <= MAX_ID_BYTES && value.isWellFormed() && !CONTROL.test(value)) return value;
  throw new HitsError("INVALID_ID", "id must be 1 to 255 bytes of UTF-8 without control characters");
}

/** Returns a payload, given as parsed JSON, as text. Throws `INVALID_BODY`, `BODY_TOO_LARGE`. */
export function parsePayload(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HitsError("INVALID_BODY", `the payload must be a JSON object, got ${show(value)}`);
  }
  if (!shallowerThan(value, MAX_PAYLOAD_DEPTH)) {
    throw new HitsError("INVALID_BODY", `the payload must be nested at most ${MAX_PAYLOAD_DEPTH} deep`);
  }
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > MAX_PAYLOAD_BYTES) {
    throw new HitsError("BODY_TOO_LARGE", "the payload must be at most 16 KiB as compact JSON");
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
 * Parses one entry of a bulk request: `{"counter","n"?,"at"?,"id"?,"payload"?}`. Throws what the parts throw, and
 * `INVALID_BODY` for anything but an object, or an unknown key, which may be a misspelt one.
 */
export function parseHit(value: unknown, now: number): Hit {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HitsError("INVALID_BODY", `a hit must be an object {"counter": …}, got ${show(value)}`);
  }
  let counter: unknown;
  const hit: { n: number; at?: number; id?: string; payload?: string } = { n: 1 };
  for (const [key, part] of Object.entries(value)) {
    if (key === "counter") counter = part;
    else if (key === "n") hit.n = parseN(typeof part === "string" ? Number.NaN : part);
    else if (key === "at") hit.at = parseAt(part, now);
    else if (key === "id") hit.id = parseId(part);
    else if (key === "payload") hit.payload = parsePayload(part);
    else
      throw new HitsError(
        "INVALID_BODY",
        `unknown key ${show(key)} in a hit; the keys are counter, n, at, id and payload`,
      );
  }
  if (typeof counter !== "string") {
    throw new HitsError("INVALID_COUNTER", `counter must be a string, got ${show(counter)}`);
  }
  checkCounterName(counter);
  return { counter, ...hit };
}

/** Renders a value for a message: short, on one line. */
function show(value: unknown): string {
  const text = value === undefined ? "nothing" : Array.isArray(value) ? "an array" : showPlain(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function showPlain(value: unknown): string {
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value);
}
