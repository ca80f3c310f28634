import type { CounterSeries, SeriesPoint, SeriesQuery } from "../../model/counters.js";
import { DAY_MS, dayOf, HOUR_MS, timeText } from "./days.js";
import type { Series } from "./series.js";

/**
 * Returns a counter's buckets from the one of `from` to the one that ends at or after `to`, including those without a hit.
 * Unknown buckets are left out: they are not zeros. `index`: undefined for a counter never seen.
 */
export function seriesBuckets(
  series: Series,
  index: number | undefined,
  { by, from, to }: Omit<SeriesQuery, "counter">,
): Omit<CounterSeries, "counter" | "by" | "incomplete"> {
  const width = by === "hour" ? HOUR_MS : DAY_MS;
  const start = Math.floor(from / width) * width;
  const end = Math.ceil(to / width) * width;
  const points: SeriesPoint[] = [];
  for (let at = start; at < end; at += width) {
    const count = by === "hour" ? series.hour(index, at) : series.count(index, dayOf(at));
    if (count !== undefined) points.push({ at: timeText(at), count });
  }
  return {
    from: timeText(start),
    to: timeText(end),
    since: begin(series.since),
    ...(by === "hour" ? { hoursSince: begin(series.hoursSince) } : {}),
    points,
  };
}

function begin(day: number | undefined): string | null {
  return day === undefined ? null : timeText(day * DAY_MS);
}
