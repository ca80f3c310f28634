import { HitsError } from "../errors.js";
import { type Hit, MAX_AHEAD_MS, MAX_N } from "../model/hit.js";
import type { BulkEntries } from "./bulk-entries.js";
import { parseJson, startOfText } from "./json.js";
import { parseAt, parseHit } from "./parse-hit.js";

export const MAX_LINE_BYTES = 64 * 1024;
/** Deeper lines are refused before they are parsed; payloads have a lower limit of their own. */
export const MAX_PARSED_DEPTH = 1000;

/** Reads the entries of a body, some at a time, and adds them to a list of entries. */
export interface EntryReader {
  /** Reads up to so many entries. Returns false at the end. Throws `INVALID_BODY` for a body that cannot be read on. */
  read(most: number): boolean;
}

/** Reads NDJSON, which must be UTF-8; blank lines are counted, but are no entries. */
export class LineReader implements EntryReader {
  readonly #body: Buffer;
  readonly #now: number;
  readonly #entries: BulkEntries;
  /** Whole lines, decoded together: that costs less than line by line, and holds less than the body at once. */
  #text = "";
  #position = 0;
  /** Where the text ends in the body. */
  #end: number;

  /** `now`: epoch milliseconds. */
  constructor(body: Buffer, now: number, entries: BulkEntries) {
    this.#body = body;
    this.#now = now;
    this.#entries = entries;
    this.#end = startOfText(body);
  }

  read(most: number): boolean {
    for (let line = 0; line < most; line++) {
      if (this.#position < this.#text.length) this.#readLine();
      else if (!this.#decode()) return false;
    }
    return true;
  }

  #readLine(): void {
    const text = this.#text;
    const start = this.#position;
    const newline = text.indexOf("\n", start);
    this.#position = newline === -1 ? text.length : newline + 1;
    let end = newline === -1 ? text.length : newline;
    if (text.charCodeAt(end - 1) === CR && end > start) end--;
    const hit = fastHit(text, start, end, this.#now);
    if (hit !== undefined) this.#entries.accept(hit);
    else this.#readAnyLine(text.slice(start, end));
  }

  #readAnyLine(line: string): void {
    if (BLANK.test(line)) this.#entries.skip();
    else this.#entries.add(() => parseLine(line, this.#now));
  }

  /** Decodes the next lines, or rejects one that is too long. Returns false at the end. */
  #decode(): boolean {
    const body = this.#body;
    const start = this.#end;
    if (start >= body.length) return false;
    let end = start + DECODED_BYTES;
    if (end >= body.length) end = body.length;
    else {
      end = body.lastIndexOf(NEWLINE, end - 1) + 1;
      if (end <= start) {
        this.#entries.reject(tooLong("line"));
        const newline = body.indexOf(NEWLINE, start + DECODED_BYTES);
        this.#end = newline === -1 ? body.length : newline + 1;
        return true;
      }
    }
    this.#text = body.toString("utf8", start, end);
    this.#position = 0;
    this.#end = end;
    return true;
  }
}

/** A line that is not longer than it may be is decoded whole, with its line ending. */
const DECODED_BYTES = MAX_LINE_BYTES + 2;
const NEWLINE = 10;
const CR = 13;
const BLANK = /^[ \t\r]*$/;

export function tooLong(what: "line" | "element"): HitsError {
  return new HitsError("BODY_TOO_LARGE", `the ${what} must be at most 64 KiB`);
}

/** Parses a line of any form. Throws what `parseHit` throws, `INVALID_BODY` if it isn't JSON, `BODY_TOO_LARGE`. */
export function parseLine(line: string, now: number): Hit {
  if (line.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES) {
    throw tooLong("line");
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
