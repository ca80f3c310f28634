import { isbot } from "isbot";
import { HitsError } from "../../errors.js";
import { nameMatcher } from "../../hit/name-globs.js";
import { checkCounterName, parseAt } from "../../hit/parse-hit.js";
import type { Hit } from "../../model/hit.js";
import { pageName } from "./page-name.js";

/** Why a line that is fine is not counted. */
export type Skipped = "blank" | "status" | "method" | "bot" | "excluded";

/** What of an access log is counted, and under which names. */
export interface AccessLogOptions {
  /** Put in front of each path. */
  readonly prefix: string;
  /** Count every status; else 2xx and 304 only. */
  readonly allStatuses: boolean;
  /** Globs of counters, as in COUNTERS_ALLOW: with any, only these are counted. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly countBots: boolean;
}

/** `%t` and the quote of the request behind it: `[10/Oct/2000:13:55:36 -0700] "`. Quotes before it are escaped. */
const TIME = /\[(\d\d\/[A-Z][a-z]{2}\/\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})\] "/;
/** Request, status, bytes, then perhaps referer and user agent, then whatever else somebody logs. */
const REST =
  /([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}|-) (?:\d+|-)(?: "[^"\\]*(?:\\.[^"\\]*)*" "([^"\\]*(?:\\.[^"\\]*)*)")?(?: .*)?$/y;
const REQUEST = /^GET (.+?)(?: HTTP\/\d(?:\.\d)?)?$/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Pages and user agents lately met, each with what came of it. */
const REMEMBERED = 8192;

/**
 * Reads lines of an access log: the common or combined format of Apache and nginx, also with the virtual host in front
 * or more fields behind. Each counted line is a hit of the page's path at the time of the line.
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

  /** Throws `INVALID_LINE`, `INVALID_AT`, `INVALID_COUNTER`. */
  read(bytes: Buffer, id: string | undefined, now: number): Hit | Skipped {
    // Servers escape what isn't ASCII; what others write is taken byte by byte.
    const line = bytes.toString("latin1");
    if (/^\s*$/.test(line)) return "blank";
    const time = TIME.exec(line);
    if (time === null || time.index < 2)
      throw invalid("it has no address, and then a time like [10/Oct/2000:13:55:36 -0700]");
    REST.lastIndex = time.index + time[0].length;
    const rest = REST.exec(line);
    if (rest === null) throw invalid('its time is not followed by "REQUEST" STATUS BYTES');
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
    remember(this.#bots, agent, judged);
    return judged;
  }

  /** Null where its name is not to be counted. */
  #counter(target: string): string | null {
    const mark = target.indexOf("?");
    // Without the query, which is what differs: the same page is met again and again.
    const page = mark === -1 ? target : target.slice(0, mark);
    const known = this.#names.get(page);
    if (known !== undefined) return known;
    const name = pageName(page.includes("\\") ? unescaped(page) : page);
    if (name === undefined) throw invalid(`its request names no path: ${JSON.stringify(target.slice(0, 60))}`);
    // A copy: a part of the line would keep all of it in memory for as long as the counter's name lives.
    const counter = Buffer.from(this.#options.prefix + name).toString();
    checkCounterName(counter);
    const judged = this.#isIncluded(counter) && !this.#isExcluded(counter) ? counter : null;
    remember(this.#names, page, judged);
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
  // 30 February would be taken for 2 March.
  const isThere = month !== -1 && new Date(start).getUTCDate() === day && new Date(start).getUTCMonth() === month;
  const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  if (!isThere || Number(zone.slice(3)) > 59 || offset > 24 * 60) throw invalidTime(`${date} ${zone}`);
  return start - (zone.startsWith("-") ? -offset : offset) * 60_000;
}

/** Undoes what servers do to quotes, backslashes, control characters and other bytes: `\"`, `\\`, `\n`, `\xHH`. */
function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (CONTROLS[character ?? ""] ?? character ?? "") : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const CONTROLS: Readonly<Record<string, string>> = { b: "\b", n: "\n", r: "\r", t: "\t", v: "\v", f: "\f" };

function remember<T>(map: Map<string, T>, text: string, value: T): void {
  if (map.size >= REMEMBERED) map.clear();
  map.set(Buffer.from(text, "latin1").toString("latin1"), value);
}

function invalid(why: string): HitsError {
  return new HitsError("INVALID_LINE", `no line of an access log: ${why}`);
}

function invalidTime(found: string): HitsError {
  return new HitsError("INVALID_AT", `there is no such time: ${found}`);
}
