import type { Context } from "koa";
import * as z from "zod";
import { HitsError } from "../../errors.js";
import type { SeriesQuery } from "../../model/counters.js";
import { checkedQueryValue } from "../query-schema.js";

const HOUR_MS = 3_600_000;
const MAX_BUCKETS = 1000;
const WIDTHS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
/** Buckets shown where nothing else is asked for. */
const SHOWN = { hour: 48, day: 30 } as const;
/** The last day of the year 9999: times behind it are no RFC 3339. */
const MAX_MS = Date.UTC(9999, 11, 31);
const TIME = /^\d{4}-\d{2}-\d{2}(?:[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

const time = z
  .string()
  .refine(
    (text) => timeOf(text) !== undefined,
    "is a day (2026-01-15), RFC 3339 (2026-01-15T12:00:00Z) or epoch milliseconds, from 1970 on",
  );

/** What `GET /counters/:counter/series` may be asked for. */
export const seriesParameters = z.object({
  by: z
    .enum(["hour", "day"], "is hour or day")
    .meta({ description: "The width of a bucket.", default: "day", example: "hour" }),
  from: time.meta({
    description: "A day, RFC 3339 or epoch milliseconds. Without it 48 hours or 30 days before `to`.",
    example: "2026-01-15",
  }),
  to: time.meta({
    description: "The same, not included; now, without it. At most 1,000 buckets.",
    example: "2026-01-16",
  }),
  format: z
    .enum(["json", "csv"], "is json or csv")
    .meta({ description: "Without it, `Accept` decides.", example: "json" }),
});

/** Throws `INVALID_QUERY`. */
export function asksForCsv(ctx: Context): boolean {
  const format = checkedQueryValue(ctx.querystring, "format", seriesParameters.shape.format);
  if (format !== undefined) return format === "csv";
  ctx.vary("Accept");
  return ctx.accepts("application/json", "text/csv") === "text/csv";
}

/** What a query asks for. Throws `INVALID_QUERY`. */
export function seriesQueryIn(counter: string, query: string, now: number): SeriesQuery {
  const by = checkedQueryValue(query, "by", seriesParameters.shape.by) ?? "day";
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
function timeIn(query: string, key: "from" | "to"): number | undefined {
  const value = checkedQueryValue(query, key, seriesParameters.shape[key]);
  return value === undefined ? undefined : timeOf(value);
}

/** Undefined for a text that is no time, or none from 1970 to 9999. */
function timeOf(value: string): number | undefined {
  // A + that was not encoded is a space by now, where an offset begins.
  const text = value.replace(/ (\d{2}:\d{2})$/, "+$1");
  const isNumber = /^\d{1,15}$/.test(text);
  if (!isNumber && !TIME.test(text)) return undefined;
  const at = isNumber ? Number(text) : Date.parse(text.replace(" ", "T"));
  return at >= 0 && at <= MAX_MS && (isNumber || isThere(text)) ? at : undefined;
}

/** `Date.parse` takes 30 February for 2 March. */
function isThere(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split("-").map(Number);
  return (day ?? 0) <= new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
}
