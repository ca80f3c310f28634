import { HitsError } from "../errors.js";
import type { BulkEntries } from "./bulk-entries.js";
import { type EntryReader, fastHit, MAX_LINE_BYTES, MAX_PARSED_DEPTH, tooLong } from "./bulk-lines.js";
import { startOfText } from "./json.js";
import { parseHit } from "./parse-hit.js";

/**
 * Reads a JSON array, which must be UTF-8, element by element: parsed as a whole, 8 MiB of empty objects become 170 MiB.
 * It takes the arrays that `JSON.parse` takes, but for the contents of elements that are too long, which it rejects unread.
 */
export class ArrayReader implements EntryReader {
  readonly #body: Buffer;
  readonly #now: number;
  readonly #entries: BulkEntries;
  /** Where the next element starts; undefined before the array is opened. */
  #position: number | undefined;
  #read = 0;

  /** `now`: epoch milliseconds. */
  constructor(body: Buffer, now: number, entries: BulkEntries) {
    this.#body = body;
    this.#now = now;
    this.#entries = entries;
  }

  read(most: number): boolean {
    let position = this.#position ?? this.#open();
    for (let element = 0; element < most && position !== -1; element++) position = this.#element(position);
    this.#position = position;
    return position !== -1;
  }

  /** Returns where the first element starts; -1 if there is none. */
  #open(): number {
    const body = this.#body;
    const bracket = skipSpace(body, startOfText(body));
    if (bracket === body.length) throw this.#notJson();
    if (body[bracket] !== OPEN_ARRAY) {
      throw new HitsError("INVALID_BODY", "the body must be an array of hits, [{…}], or NDJSON, one hit per line");
    }
    const first = skipSpace(body, bracket + 1);
    return body[first] === CLOSE_ARRAY ? this.#close(first) : first;
  }

  /** Reads the element at this position. Returns where the next one starts; -1 if it was the last. */
  #element(start: number): number {
    const end = endOfElement(this.#body, start);
    if (end === -1) throw this.#notJson();
    if (end - start > MAX_LINE_BYTES) this.#entries.reject(tooLong("element"));
    else this.#parse(this.#body.toString("utf8", start, end));
    this.#read++;
    if (this.#body[end] === COMMA) return skipSpace(this.#body, end + 1);
    if (this.#body[end] !== CLOSE_ARRAY) throw this.#notJson();
    return this.#close(end);
  }

  #parse(text: string): void {
    const hit = fastHit(text, 0, text.length, this.#now);
    if (hit !== undefined) this.#entries.accept(hit);
    else {
      const value = this.#parseJson(text);
      this.#entries.add(() => parseHit(value, this.#now));
    }
  }

  #parseJson(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#notJson();
    }
  }

  #close(bracket: number): -1 {
    if (skipSpace(this.#body, bracket + 1) < this.#body.length) throw this.#notJson();
    return -1;
  }

  #notJson(): HitsError {
    return new HitsError("INVALID_BODY", `the body is not JSON, from element ${this.#read} on`);
  }
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN = 123;
const CLOSE = 125;

/** Returns where the element ends that starts here: at the comma or bracket after it; -1 if there is neither. */
function endOfElement(body: Buffer, start: number): number {
  let depth = 0;
  let inString = false;
  for (let at = start; at < body.length; at++) {
    const byte = body[at] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) {
      if (depth === 0) return at;
    }
    // `[` and `{`, `]` and `}` differ in one bit each.
    else if ((byte | 32) === OPEN) {
      // The array itself is one level.
      if (++depth >= MAX_PARSED_DEPTH) {
        throw new HitsError("INVALID_BODY", `the body must be nested at most ${MAX_PARSED_DEPTH} deep`);
      }
    } else if ((byte | 32) === CLOSE && depth-- === 0) return at;
  }
  return -1;
}

function skipSpace(body: Buffer, start: number): number {
  let at = start;
  while (at < body.length && isSpace(body[at] ?? 0)) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}
