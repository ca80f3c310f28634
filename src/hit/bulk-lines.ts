import { HitsError } from "../errors.js";
import { type Hit, MAX_AHEAD_MS, MAX_N } from "../model/hit.js";
import type { BulkEntries } from "./bulk-entries.js";
import { parseJson } from "./json.js";
import { parseAt, parseHit } from "./parse-hit.js";

export const MAX_LINE_BYTES = 64 * 1024;
/** Deeper lines are refused before they are parsed; payloads have a lower limit of their own. */
export const MAX_PARSED_DEPTH = 1000;

export interface ReadOptions {
  /** Index in the text to start at. */
  readonly from: number;
  readonly maxLines: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/**
 * Reads lines of NDJSON into `entries`; blank lines are counted, but are no entries. Returns where the next call must
 * start, or -1 at the end.
 */
export function readLines(text: string, { from, maxLines, now }: ReadOptions, entries: BulkEntries): number {
  let start = from;
  for (let line = 0; line < maxLines; line++) {
    if (start >= text.length) return -1;
    const newline = text.indexOf("\n", start);
    const next = newline === -1 ? text.length : newline + 1;
    let end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(end - 1) === CR && end > start) end--;
    const hit = fastHit(text, start, end, now);
    if (hit !== undefined) entries.accept(hit);
    else readAnyLine(text.slice(start, end), now, entries);
    start = next;
  }
  return start;
}

const CR = 13;
const BLANK = /^[ \t\r]*$/;

function readAnyLine(line: string, now: number, entries: BulkEntries): void {
  if (BLANK.test(line)) entries.skip();
  else {
    try {
      entries.accept(parseLine(line, now));
    } catch (error) {
      if (!(error instanceof HitsError)) throw error;
      entries.reject(error);
    }
  }
}

/** Parses a line of any form. Throws what `parseHit` throws, `INVALID_BODY` if it isn't JSON, `BODY_TOO_LARGE`. */
export function parseLine(line: string, now: number): Hit {
  if (line.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES) {
    throw new HitsError("BODY_TOO_LARGE", "the line must be at most 64 KiB");
  }
  // A line no longer than the limit cannot be nested deeper than it.
  if (line.length > MAX_PARSED_DEPTH) return parseHit(parseJson(Buffer.from(line), MAX_PARSED_DEPTH, "the line"), now);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new HitsError("INVALID_BODY", "the line is not JSON");
  }
  return parseHit(value, now);
}

const HEAD = '{"counter":"';
const CLOSE = 125;
/** Names that need no escapes in JSON, and that `checkCounterName` can refuse only for being dots. */
const PLAIN_NAME = /^[ !#-[\]-~]{1,1024}$/;

/**
 * Returns the hit of a line in the most common form: `{"counter":"plain"}`, optionally with `"n":5`, then optionally
 * `"at":"2026-01-15T12:00:00.000Z"`, without spaces. Undefined for all other lines, invalid ones included: `parseLine`
 * parses or refuses those, and returns the same hit for a line that both take.
 */
export function fastHit(text: string, start: number, end: number, now: number): Hit | undefined {
  if (!text.startsWith(HEAD, start)) return undefined;
  const nameStart = start + HEAD.length;
  const nameEnd = text.indexOf('"', nameStart);
  if (nameEnd === -1 || nameEnd >= end) return undefined;
  const counter = plainName(text.slice(nameStart, nameEnd));
  if (counter === undefined) return undefined;
  let position = nameEnd + 1;
  let n = 1;
  if (text.startsWith(',"n":', position)) {
    position += 5;
    const digits = digitsAt(text, position);
    n = digits === 0 ? 0 : Number(text.slice(position, position + digits));
    if (n < 1 || n > MAX_N) return undefined;
    position += digits;
  }
  if (text.charCodeAt(position) === CLOSE) return position + 1 === end ? { counter, n } : undefined;
  if (!text.startsWith(',"at":"', position)) return undefined;
  position += 7;
  const quote = text.indexOf('"', position);
  if (quote + 2 !== end || text.charCodeAt(quote + 1) !== CLOSE) return undefined;
  const at = plainTime(text.slice(position, quote), now);
  return at === undefined ? undefined : { counter, n, at };
}

/** Returns the number of digits of the JSON integer at `from`: at most 10; 0 for more, or if the first one is 0. */
function digitsAt(text: string, from: number): number {
  let count = 0;
  while (count < 11) {
    const digit = text.charCodeAt(from + count) - 48;
    if (!(digit >= 0 && digit <= 9) || (count === 0 && digit === 0)) break;
    count++;
  }
  return count > 10 ? 0 : count;
}

const MAX_NAMES = 8192;
const MAX_NAME_LENGTH = 128;
/** Recent valid names, each by its own text. */
const names = new Map<string, string>();

function plainName(slice: string): string | undefined {
  const known = names.get(slice);
  if (known !== undefined) return known;
  if (!PLAIN_NAME.test(slice) || slice === "." || slice === "..") return undefined;
  // A copy: a slice would keep the whole body in memory as long as the counter's name.
  const name = Buffer.from(slice, "latin1").toString("latin1");
  if (name.length <= MAX_NAME_LENGTH) {
    if (names.size >= MAX_NAMES) names.clear();
    names.set(name, name);
  }
  return name;
}

const PLAIN_TIME = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{3}))?Z$/;
/** The previous day and its start: the hits of a body mostly fall into one or two days. */
const lastDay = { text: "", at: Number.NaN };

function plainTime(text: string, now: number): number | undefined {
  const parts = PLAIN_TIME.exec(text);
  if (parts === null) return undefined;
  const [, day = "", hours, minutes, seconds, milliseconds] = parts;
  if (day !== lastDay.text) {
    const start = startOfDay(day, now);
    if (start === undefined) return undefined;
    lastDay.text = day;
    lastDay.at = start;
  }
  const inDay = (Number(hours) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000 + Number(milliseconds ?? 0);
  const at = lastDay.at + inDay;
  return at > now + MAX_AHEAD_MS ? undefined : at;
}

function startOfDay(day: string, now: number): number | undefined {
  try {
    return parseAt(`${day}T00:00:00Z`, now);
  } catch {
    return undefined;
  }
}
