import { isbot } from "isbot";
import { HitsError } from "../../errors.js";
import { nameMatcher } from "../../hit/name-globs.js";
import { checkCounterName, parseAt } from "../../hit/parse-hit.js";
import type { Hit } from "../../model/hit.js";

/** The reason that a valid line is not counted. */
export type SkipReason = "blank" | "status" | "method" | "bot" | "excluded";

/** The selection of lines of an access log, and the names that they count under. */
export interface AccessLogOptions {
  /** Precedes each path. */
  readonly prefix: string;
  /** Counts every status; else 2xx and 304 only. */
  readonly allStatuses: boolean;
  /** Globs of counters, as in COUNTERS_ALLOW: if there are any, only these are counted. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly countBots: boolean;
}

/** `%t` and the quote that opens the request: `[10/Oct/2000:13:55:36 -0700] "`. Quotes before it are escaped. */
const TIME = /\[(\d\d\/[A-Z][a-z]{2}\/\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\] "/;
/** Request, status, bytes, optionally referer and user agent, then any other fields. */
const REST =
  /([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}|-) (?:\d+|-)(?: "[^"\\]*(?:\\.[^"\\]*)*" "([^"\\]*(?:\\.[^"\\]*)*)")?(?: .*)?$/y;
const REQUEST = /^GET (.+?)(?: HTTP\/\d(?:\.\d)?)?$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Characters that a URL's path contains unchanged. Dots can form segments that name another directory: see `DOTS`. */
const PLAIN = /^\/[\w.~!$&'()*+,;=:@%/-]*$/;
const DOTS = /\/(?:\.|%2e)/i;
const ABSOLUTE = /^https?:\/\//i;

/** The most pages, and the most user agents, whose results are cached. */
const CACHED = 8192;

/**
 * A parser for lines of an access log: the common or combined format of Apache and nginx, optionally with the virtual host
 * first or more fields last. Each counted line is a hit of the page's path at the time of the line.
 */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #isIncluded: (name: string) => boolean;
  readonly #isExcluded: (name: string) => boolean;
  readonly #names = new Map<string, string | null>();
  readonly #bots = new Map<string, boolean>();
  readonly #day = { text: "", start: 0 };

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#isIncluded = options.include.length === 0 ? () => true : nameMatcher(options.include);
    this.#isExcluded = options.exclude.length === 0 ? () => false : nameMatcher(options.exclude);
  }

  /** Parses a line. Throws `INVALID_LINE`, `INVALID_AT`, `INVALID_COUNTER`. */
  read(bytes: Buffer, id: string | undefined, now: number): Hit | SkipReason {
    // Servers escape bytes that aren't ASCII; if one did not, each byte is a character.
    const line = bytes.toString("latin1");
    if (/^\s*$/.test(line)) return "blank";
    const time = TIME.exec(line);
    if (time === null || time.index < 2)
      throw invalid("an address, and after it a time like [10/Oct/2000:13:55:36 -0700], are missing");
    REST.lastIndex = time.index + time[0].length;
    const rest = REST.exec(line);
    if (rest === null) throw invalid('"REQUEST" STATUS BYTES must follow the time');
    const [, request = "", status = "", agent] = rest;
    if (!this.#options.allStatuses && !status.startsWith("2") && status !== "304") return "status";
    const target = REQUEST.exec(request)?.[1];
    if (target === undefined) return "method";
    if (!this.#options.countBots && agent !== undefined && this.#isBot(agent)) return "bot";
    const counter = this.#counter(target);
    if (counter === null) return "excluded";
    const at = parseAt(this.#at(time), now);
    return id === undefined ? { counter, n: 1, at } : { counter, n: 1, at, id };
  }

  #isBot(agent: string): boolean {
    const known = this.#bots.get(agent);
    if (known !== undefined) return known;
    const judged = isbot(agent);
    cache(this.#bots, agent, judged);
    return judged;
  }

  /** Returns the counter of a request's target; null if its name is excluded. */
  #counter(target: string): string | null {
    const mark = target.indexOf("?");
    // Without the query, which varies: the cache is by page.
    const page = mark === -1 ? target : target.slice(0, mark);
    const cached = this.#names.get(page);
    if (cached !== undefined) return cached;
    const name = pageName(page.includes("\\") ? unescaped(page) : page);
    if (name === undefined) throw invalid(`the request has no path: ${JSON.stringify(target.slice(0, 60))}`);
    // A copy: a substring would keep the whole line in memory for as long as the counter's name lives.
    const counter = Buffer.from(this.#options.prefix + name).toString();
    checkCounterName(counter);
    const judged = this.#isIncluded(counter) && !this.#isExcluded(counter) ? counter : null;
    cache(this.#names, page, judged);
    return judged;
  }

  #at([, date = "", hours, minutes, seconds, zone = ""]: RegExpExecArray): number {
    if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60)
      throw invalidTime(`${hours}:${minutes}:${seconds}`);
    const text = date + zone;
    if (text !== this.#day.text) {
      this.#day.start = startOfDay(date, zone);
      this.#day.text = text;
    }
    return this.#day.start + ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  }
}

function startOfDay(date: string, zone: string): number {
  const [day, month, year] = [Number(date.slice(0, 2)), MONTHS.indexOf(date.slice(3, 6)), Number(date.slice(7))];
  const start = Date.UTC(year, month, day);
  // Date.UTC takes 30 February for 2 March.
  const exists = month !== -1 && new Date(start).getUTCDate() === day && new Date(start).getUTCMonth() === month;
  const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  if (!exists || Number(zone.slice(3)) > 59 || offset > 24 * 60) throw invalidTime(`${date} ${zone}`);
  return start - (zone.startsWith("-") ? -offset : offset) * 60_000;
}

/** Reverses the escapes that servers write for quotes, backslashes, control characters and other bytes: `\"`, `\\`, `\n`, `\xHH`. */
function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (CONTROLS[character ?? ""] ?? character ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const CONTROLS: Readonly<Record<string, string>> = { b: "\b", n: "\n", r: "\r", t: "\t", v: "\v", f: "\f" };

function cache<T>(map: Map<string, T>, text: string, value: T): void {
  if (map.size >= CACHED) map.clear();
  map.set(Buffer.from(text, "latin1").toString("latin1"), value);
}

function invalid(why: string): HitsError {
  return new HitsError("INVALID_LINE", `not a line of an access log: ${why}`);
}

function invalidTime(found: string): HitsError {
  return new HitsError("INVALID_AT", `no such time: ${found}`);
}

/**
 * Returns the counter of the page that a request's target names, in which each character is a byte: its path as a browser has
 * it in `location.pathname`, by which `hits.js` counts. That is percent-encoded as in the request, without the query.
 * Undefined if the target has no path.
 */
export function pageName(target: string): string | undefined {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  if (PLAIN.test(path) && !DOTS.test(path)) return path;
  // A browser would have encoded these.
  const encoded = path.replace(/[^\x21-\x7e]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  if (!encoded.startsWith("/") && !ABSOLUTE.test(encoded)) return undefined;
  try {
    return new URL(encoded.startsWith("/") ? `http://host${encoded}` : encoded).pathname;
  } catch {
    return undefined;
  }
}
