import type { DayImage } from "./day-table.js";
import { indexOf, WHOLE_DAY } from "./point-key.js";
import { PointTable } from "./point-table.js";
import type { Series, SeriesImage } from "./series.js";
import { eachPoint } from "./table-part.js";

/**
 * The layout of a series in a snapshot: day by day, in any order; little-endian.
 *
 *      0  8  the day, from 1 January 1970, a double
 *      8  8  number of points, a double
 *     16  …  for each point: 32-bit key, the counter's index * 32 + the hour + 1; hour 24 is the day without its hours
 *      …  …  for each point: the count, a double
 */
const DAY_HEAD_BYTES = 16;
const POINT_BYTES = 12;

/** Yields the bytes of a series, a day at a time. */
export function* seriesBytes(image: SeriesImage): Generator<Buffer> {
  for (const day of image.days) yield dayBytes(day);
}

/** Returns the length of what `seriesBytes` yields. */
export function seriesLength(image: SeriesImage): number {
  return image.days.reduce((total, { points }) => total + DAY_HEAD_BYTES + points * POINT_BYTES, 0);
}

function dayBytes(image: DayImage): Buffer {
  const keys = new Uint32Array(image.points);
  const counts = new Float64Array(image.points);
  let points = 0;
  for (const part of movedParts(image)) {
    eachPoint(part, (key, count) => {
      keys[points] = key;
      counts[points++] = count;
    });
  }
  const bytes = Buffer.allocUnsafe(DAY_HEAD_BYTES + points * POINT_BYTES);
  bytes.writeDoubleLE(image.day, 0);
  bytes.writeDoubleLE(points, 8);
  Buffer.from(keys.buffer).copy(bytes, DAY_HEAD_BYTES);
  Buffer.from(counts.buffer).copy(bytes, DAY_HEAD_BYTES + keys.byteLength);
  return bytes;
}

function movedParts({ parts, unmoved }: DayImage): readonly SharedArrayBuffer[] {
  if (unmoved.length === 0) return parts;
  const table = new PointTable();
  for (const part of [...parts, ...unmoved]) {
    eachPoint(part, (key, count) => table.add(indexOf(key), WHOLE_DAY, count));
  }
  return table.image();
}

/** Fills an empty series from a snapshot's bytes. False: they are not those of a series. */
export function restoreSeries(series: Series, bytes: Buffer): boolean {
  let at = 0;
  while (at < bytes.length) {
    if (at + DAY_HEAD_BYTES > bytes.length) return false;
    const day = bytes.readDoubleLE(at);
    const points = bytes.readDoubleLE(at + 8);
    const start = at + DAY_HEAD_BYTES;
    const end = start + points * POINT_BYTES;
    if (!(points >= 0 && end <= bytes.length)) return false;
    // Copies: numbers must be at a multiple of their size.
    const keys = new Uint32Array(points);
    Buffer.from(keys.buffer).set(bytes.subarray(start, start + keys.byteLength));
    const counts = new Float64Array(points);
    Buffer.from(counts.buffer).set(bytes.subarray(start + keys.byteLength, end));
    if (!series.restore(day, keys, counts)) return false;
    at = end;
  }
  return true;
}
