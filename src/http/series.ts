import type { Context } from "koa";
import { HitsError } from "../errors.js";
import { JSON_TYPE } from "./answer.js";
import type { CounterSeries, SeriesQuery, Services } from "./services.js";
import { queryValue } from "./target.js";

const HOUR_MS = 3_600_000;
const MAX_BUCKETS = 1000;
const WIDTHS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
/** Buckets shown where nothing else is asked for. */
const SHOWN = { hour: 48, day: 30 } as const;
/** The last day of the year 9999: times behind it are no RFC 3339. */
const MAX_MS = Date.UTC(9999, 11, 31);
const TIME = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

/** Answers with a counter's hits by hour or day, as JSON or CSV. Throws `INVALID_QUERY`. */
export function answerSeries(ctx: Context, services: Services, counter: string): void {
  const isCsv = asksForCsv(ctx);
  const series = services.series(seriesQuery(counter, ctx.querystring, Date.now()));
  if (isCsv) {
    // Whatever the counter is called: letters, digits and a dash can't mean anything to a header or a file system.
    const name = counter.replaceAll(/[^A-Za-z0-9]+/g, "-").replaceAll(/^-|-$/g, "");
    ctx.attachment(`${name.slice(0, 64) || "counter"}-by-${series.by}.csv`);
    ctx.set("Content-Type", "text/csv; charset=utf-8; header=present");
    ctx.body = csv(series);
  } else {
    ctx.set("Content-Type", JSON_TYPE);
    ctx.body = JSON.stringify(series);
  }
}

/** Neither a time nor a number needs quotes. */
function csv({ points }: CounterSeries): string {
  return ["at,count", ...points.map(({ at, count }) => `${at},${count}`), ""].join("\r\n");
}

function asksForCsv(ctx: Context): boolean {
  const format = queryValue(ctx.querystring, "format");
  if (format === "csv" || format === "json") return format === "csv";
  if (format !== undefined) throw new HitsError("INVALID_QUERY", "format is json or csv");
  ctx.vary("Accept");
  return ctx.accepts("application/json", "text/csv") === "text/csv";
}

function seriesQuery(counter: string, query: string, now: number): SeriesQuery {
  const by = queryValue(query, "by") ?? "day";
  if (by !== "hour" && by !== "day") throw new HitsError("INVALID_QUERY", "by is hour or day");
  const width = WIDTHS[by];
  const to = timeIn(query, "to") ?? Math.max(now, timeIn(query, "from") ?? 0) + 1;
  const end = Math.ceil(to / width) * width;
  const from = timeIn(query, "from") ?? Math.max(0, end - SHOWN[by] * width);
  if (from >= to) throw new HitsError("INVALID_QUERY", "from must be before to, which is not included");
  if ((end - Math.floor(from / width) * width) / width > MAX_BUCKETS) {
    throw new HitsError("INVALID_QUERY", `from and to span more than 1,000 ${by}s: ask for less at a time`);
  }
  return { counter, by, from, to };
}

/** A time of the query, in epoch milliseconds; undefined without it. */
function timeIn(query: string, key: string): number | undefined {
  const value = queryValue(query, key);
  if (value === undefined) return undefined;
  // A + that was not encoded is a space by now, where an offset begins.
  const text = value.replace(/ (\d{2}:\d{2})$/, "+$1");
  const time = /^\d{1,15}$/.test(text)
    ? Number(text)
    : TIME.test(text)
      ? Date.parse(text.replace(" ", "T"))
      : Number.NaN;
  if (time >= 0 && time <= MAX_MS && isThere(text)) return time;
  throw new HitsError(
    "INVALID_QUERY",
    `${key} is a day (2026-01-15), RFC 3339 (2026-01-15T12:00:00Z) or epoch milliseconds, from 1970 on`,
  );
}

/** `Date.parse` takes 30 February for 2 March. */
function isThere(text: string): boolean {
  if (!TIME.test(text)) return true;
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  return (day ?? 0) <= new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
}
