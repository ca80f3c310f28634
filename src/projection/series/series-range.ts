import { DAY_MS, dayOf, HOUR_MS, timeText } from "./days.js";
import type { Series } from "./series.js";

export interface SeriesRange {
  readonly by: "hour" | "day";
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
}

/**
 * A counter's buckets from the one that `from` lies in to the one that ends at `to` or behind it, those without a hit too.
 * Buckets of which nothing is known are left out: they are no zeros. `index`: undefined for a counter never seen.
 */
export function seriesBuckets(series: Series, index: number | undefined, { by, from, to }: SeriesRange) {
  const width = by === "hour" ? HOUR_MS : DAY_MS;
  const start = Math.floor(from / width) * width;
  const end = Math.ceil(to / width) * width;
  const points: { at: string; count: number }[] = [];
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
