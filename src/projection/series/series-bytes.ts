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

/** Yields the bytes of a series, a few thousand points at a time. */
export function* seriesBytes(image: SeriesImage): Generator<Buffer> {
  for (const day of image.days) yield* dayBytes(day);
}

/** Returns the length of what `seriesBytes` yields. */
export function seriesLength(image: SeriesImage): number {
  return image.days.reduce((total, { points }) => total + DAY_HEAD_BYTES + points * POINT_BYTES, 0);
}

/** Yields the days of an image in slices of about so many buffers, days with more of them alone. */
export function* slicesOf(days: readonly DayImage[], buffers: number): Generator<DayImage[]> {
  let slice: DayImage[] = [];
  let used = 0;
  for (const day of days) {
    slice.push(day);
    used += day.parts.length + day.unmoved.length;
    if (used < buffers) continue;
    yield slice;
    slice = [];
    used = 0;
  }
  if (slice.length > 0) yield slice;
}

function* dayBytes(day: DayImage): Generator<Buffer> {
  const parts = movedParts(day);
  const head = Buffer.alloc(DAY_HEAD_BYTES);
  head.writeDoubleLE(day.day, 0);
  head.writeDoubleLE(day.points, 8);
  const bytes = [[head], eachPart(parts, keysOf), eachPart(parts, countsOf)];
  // Most days of a long series are small: a write for each.
  if (parts.length <= 1) yield Buffer.concat(bytes.flatMap((some) => [...some]));
  else for (const some of bytes) yield* some;
}

function* eachPart(
  parts: readonly SharedArrayBuffer[],
  bytesOf: (part: SharedArrayBuffer) => Buffer,
): Generator<Buffer> {
  for (const part of parts) yield bytesOf(part);
}

function keysOf(part: SharedArrayBuffer): Buffer {
  const keys: number[] = [];
  eachPoint(part, (key) => keys.push(key));
  return Buffer.from(Uint32Array.from(keys).buffer);
}

function countsOf(part: SharedArrayBuffer): Buffer {
  const counts: number[] = [];
  eachPoint(part, (_, count) => counts.push(count));
  return Buffer.from(Float64Array.from(counts).buffer);
}

function movedParts({ parts, unmoved }: DayImage): readonly SharedArrayBuffer[] {
  if (unmoved.length === 0) return parts;
  const table = new PointTable();
  for (const part of [...parts, ...unmoved]) {
    eachPoint(part, (key, count) => table.add(indexOf(key), WHOLE_DAY, count));
  }
  return table.image();
}

/** Bytes to read from, in order. */
export interface ByteSource {
  readonly left: number;
  /** Fills `target` with the next bytes, of which there must be enough. */
  fill(target: Uint8Array): Promise<void>;
}

/** Fills an empty series from a snapshot's bytes. Resolves to false if they are not those of a series. */
export async function restoreSeries(series: Series, bytes: ByteSource): Promise<boolean> {
  const head = Buffer.alloc(DAY_HEAD_BYTES);
  while (bytes.left > 0) {
    if (bytes.left < DAY_HEAD_BYTES) return false;
    await bytes.fill(head);
    const points = head.readDoubleLE(8);
    if (!(Number.isSafeInteger(points) && points >= 0 && points * POINT_BYTES <= bytes.left)) return false;
    const keys = new Uint32Array(points);
    await bytes.fill(new Uint8Array(keys.buffer));
    const counts = new Float64Array(points);
    await bytes.fill(new Uint8Array(counts.buffer));
    if (!series.restore(head.readDoubleLE(0), keys, counts)) return false;
  }
  return true;
}
