import type { Context } from "koa";
import { HitsError } from "../../errors.js";
import type { CounterSeries, SeriesQuery } from "../../model/counters.js";
import type { Services } from "../../model/services.js";
import { JSON_TYPE } from "../answer.js";
import { oneOf, type QueryType, queryValue } from "../query.js";

const HOUR_MS = 3_600_000;
const MAX_BUCKETS = 1000;
const WIDTHS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
/** The number of buckets by default. */
const SHOWN = { hour: 48, day: 30 } as const;
/** The last day of the year 9999: later times have no RFC 3339 form. */
const MAX_MS = Date.UTC(9999, 11, 31);
const RFC3339_OR_DAY = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

const BY = oneOf(["hour", "day"]);
const FORMAT = oneOf(["json", "csv"]);
const TIME: QueryType<number> = {
  expected: "a day (2026-01-15), an RFC 3339 time (2026-01-15T12:00:00Z) or epoch milliseconds, from 1970 on",
  parse: timeOf,
};

/** Answers with a counter's hits by hour or day, as JSON or CSV. Throws `INVALID_QUERY`. */
export function answerSeries(ctx: Context, services: Services, counter: string): void {
  const isCsv = asksForCsv(ctx);
  const series = services.view.series(parseSeriesQuery(counter, ctx.querystring, Date.now()));
  if (isCsv) {
    // Letters, digits and dashes only: they mean nothing to a header or a file system, whatever the counter's name is.
    const name = counter.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    ctx.attachment(`${name.slice(0, 64) || "counter"}-by-${series.by}.csv`);
    ctx.set("Content-Type", "text/csv; charset=utf-8; header=present");
    ctx.body = toCsv(series);
  } else {
    ctx.set("Content-Type", JSON_TYPE);
    ctx.body = JSON.stringify(series);
  }
}

function asksForCsv(ctx: Context): boolean {
  const format = queryValue(ctx.querystring, "format", FORMAT);
  if (format !== undefined) return format === "csv";
  ctx.vary("Accept");
  return ctx.accepts("application/json", "text/csv") === "text/csv";
}

/** Parses the query of a series; `now` in epoch milliseconds. Throws `INVALID_QUERY`. */
export function parseSeriesQuery(counter: string, query: string, now: number): SeriesQuery {
  const by = queryValue(query, "by", BY) ?? "day";
  const width = WIDTHS[by];
  const to = queryValue(query, "to", TIME) ?? Math.max(now, queryValue(query, "from", TIME) ?? 0) + 1;
  const end = Math.ceil(to / width) * width;
  const from = queryValue(query, "from", TIME) ?? Math.max(0, end - SHOWN[by] * width);
  if (from >= to) throw new HitsError("INVALID_QUERY", "`from` must be before `to`, which is not included");
  if ((end - Math.floor(from / width) * width) / width > MAX_BUCKETS) {
    throw new HitsError("INVALID_QUERY", `\`from\` and \`to\` must span at most 1,000 ${by}s`);
  }
  return { counter, by, from, to };
}

/** Returns epoch milliseconds; undefined for text that is not a time from 1970 to 9999. */
function timeOf(value: string): number | undefined {
  // A `+` that was not encoded is a space by now; it is restored where an offset from UTC starts.
  const text = value.replace(/ (\d{2}:\d{2})$/, "+$1");
  const isNumber = /^\d{1,15}$/.test(text);
  if (!isNumber && !RFC3339_OR_DAY.test(text)) return undefined;
  const at = isNumber ? Number(text) : Date.parse(text.replace(" ", "T"));
  return at >= 0 && at <= MAX_MS && (isNumber || isCalendarDay(text)) ? at : undefined;
}

/** Excludes 30 February, which `Date.parse` turns into 2 March. */
function isCalendarDay(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  return (day ?? 0) <= new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
}

/** Neither a time nor a number needs quotes. */
function toCsv({ points }: CounterSeries): string {
  return ["at,count", ...points.map(({ at, count }) => `${at},${count}`), ""].join("\r\n");
}
