import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DAY_MS, dayOf, HOUR_MS } from "../../../src/projection/series/days.js";
import { Series } from "../../../src/projection/series/series.js";
import {
  type ByteSource,
  restoreSeries,
  seriesBytes,
  seriesLength,
  slicesOf,
} from "../../../src/projection/series/series-bytes.js";
import { seriesBuckets } from "../../../src/projection/series/series-range.js";
import { eachPoint } from "../../../src/projection/series/table-part.js";

const DAY = dayOf(Date.UTC(2026, 10, 24));

/** The bytes of a buffer, in order. */
class BufferBytes implements ByteSource {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length;
  }

  async fill(target: Uint8Array): Promise<void> {
    target.set(this.#bytes.subarray(0, target.length));
    this.#bytes = this.#bytes.subarray(target.length);
  }
}

/** A series restored from its snapshot. */
async function reloaded(series: Series): Promise<Series> {
  const image = series.image();
  const bytes = Buffer.concat([...seriesBytes(image)]);
  assert.is(bytes.length, seriesLength(image));
  const again = new Series();
  again.restoreBounds(image.since, image.hoursSince);
  assert.ok(await restoreSeries(again, new BufferBytes(bytes)));
  assert.is(again.points, series.points);
  return again;
}

/** The model of a series: counts by `index day hour` in a plain map, without limits. */
class Model {
  readonly hours = new Map<string, number>();

  add(index: number, n: number, at: number): void {
    const day = dayOf(at);
    const key = `${index} ${day} ${Math.floor((at - day * DAY_MS) / HOUR_MS)}`;
    this.hours.set(key, (this.hours.get(key) ?? 0) + n);
  }

  hour(index: number, day: number, hour: number): number {
    return this.hours.get(`${index} ${day} ${hour}`) ?? 0;
  }

  day(index: number, day: number): number {
    let sum = 0;
    for (let hour = 0; hour < 24; hour++) sum += this.hour(index, day, hour);
    return sum;
  }
}

function compare(series: Series, model: Model, indexes: number, days: readonly number[]): void {
  for (let index = 0; index < indexes; index++) {
    for (const day of days) {
      const count = series.count(index, day);
      if (series.since !== undefined && day < series.since) assert.is(count, undefined);
      else assert.is(count, model.day(index, day), `counter ${index}, day ${day}`);
      const hours = series.hours(index, day);
      if (series.hoursSince !== undefined && day < series.hoursSince) assert.is(hours, undefined);
      else
        assert.equal(
          hours,
          hours?.map((_, hour) => model.hour(index, day, hour)),
          `day ${day}`,
        );
      assert.is(series.hour(index, day * DAY_MS + 5 * HOUR_MS + 1), hours?.[5]);
    }
  }
}

const step = fc.record({
  index: fc.nat(9),
  n: fc.constantFrom(1, 1, 1, 7, 2 ** 40),
  /** The batch's time, and the age of the hit by then. */
  hoursOn: fc.constantFrom(0, 0, 0, 1, 5, 24, 60, -30),
  before: fc.constantFrom(0, 0, 0, 1, 25, 49, 24 * 40, -0.05),
});

test("the same as a plain count of all hits, within its limits, over any number of restarts", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 120 }),
      fc.constantFrom(Number.POSITIVE_INFINITY, 0, 2 * DAY_MS, 3.3 * DAY_MS),
      fc.constantFrom(Number.POSITIVE_INFINITY, 0, 1, 5, 30),
      fc.nat(10),
      async (steps, hoursKeptMs, maxPoints, restartEvery) => {
        let series = new Series();
        const limits = { hoursKeptMs, maxPoints };
        series.setLimits(limits);
        const model = new Model();
        const days = new Set<number>();
        let now = DAY * DAY_MS;
        for (const [number, { index, n, hoursOn, before }] of steps.entries()) {
          now += hoursOn * HOUR_MS;
          const at = now - before * HOUR_MS;
          const [since, hoursSince] = [series.since ?? -1, series.hoursSince ?? -1];
          series.noteTime(now);
          series.add(index, n, at);
          model.add(index, n, at);
          days.add(dayOf(at));
          assert.ok(series.points <= maxPoints, `${series.points} points`);
          assert.ok((series.since ?? -1) >= since && (series.hoursSince ?? -1) >= hoursSince, "never backwards");
          if (restartEvery > 0 && number % restartEvery === 0) {
            series = await reloaded(series);
            series.setLimits(limits);
          }
        }
        compare(series, model, 10, [...days, DAY - 1]);
        if (maxPoints === Number.POSITIVE_INFINITY) assert.is(series.since, undefined, "dropped without need");
        if (hoursKeptMs === Number.POSITIVE_INFINITY && maxPoints === hoursKeptMs) {
          assert.is(series.hoursSince, undefined, "folded without need");
        }
        const known = series.days().flatMap((day) => [...series.indexesOf(day)].map((index) => `${index} ${day}`));
        for (const one of known) assert.ok(model.day(...(one.split(" ").map(Number) as [number, number])) > 0);
      },
    ),
    { numRuns: 400 },
  );
});

test("old hours are folded by the time of the log, not of a hit", () => {
  const series = new Series();
  series.setLimits({ hoursKeptMs: 2 * DAY_MS, maxPoints: 1000 });
  const now = DAY * DAY_MS + HOUR_MS;
  series.noteTime(now);
  for (let back = 0; back < 5; back++) series.add(0, 1, now - back * DAY_MS);
  series.add(0, 1, now + 400 * DAY_MS);
  assert.is(series.hoursSince, DAY - 2);
  assert.equal([series.hours(0, DAY - 3), series.count(0, DAY - 3)], [undefined, 1]);
  assert.is(series.hours(0, DAY - 2)?.[1], 1);
  series.noteTime(now + DAY_MS);
  assert.is(series.hoursSince, DAY - 1);
  assert.is(series.count(0, DAY - 2), 1, "folded, not lost");
  series.add(0, 4, now - 2 * DAY_MS);
  assert.is(series.count(0, DAY - 2), 5, "a late hit goes to the day");
});

test("above the limit the oldest hours are folded first, then the oldest days dropped", () => {
  const series = new Series();
  series.setLimits({ hoursKeptMs: 365 * DAY_MS, maxPoints: 6 });
  const at = (day: number, hour: number) => (DAY + day) * DAY_MS + hour * HOUR_MS;
  for (let day = 0; day < 3; day++) for (let hour = 0; hour < 2; hour++) series.add(0, 1, at(day, hour));
  assert.equal([series.points, series.hoursSince, series.since], [6, undefined, undefined]);
  series.add(0, 1, at(2, 2));
  assert.equal([series.points, series.hoursSince, series.since], [6, DAY + 1, undefined]);
  assert.is(series.count(0, DAY), 2);
  for (let counter = 1; counter < 6; counter++) series.add(counter, 1, at(3, 1));
  assert.ok(series.points <= 6);
  assert.is(series.since, DAY + 2, "as many days as need be, the oldest");
  series.add(0, 1, at(1, 1));
  assert.is(series.count(0, DAY + 1), undefined, "a hit of a dropped day is in the totals alone");
});

test("an image stays as it was, whatever is added later, and costs no copy", () => {
  const series = new Series();
  for (let index = 0; index < 1000; index++) series.add(index, 1, DAY * DAY_MS);
  const [first, second] = [series.image(), series.image()];
  assert.is(first.days[0]?.parts[0], second.days[0]?.parts[0], "not copied");
  const sum = () => {
    let total = 0;
    for (const part of first.days[0]?.parts ?? []) eachPoint(part, (_, count) => (total += count));
    return total;
  };
  series.add(3, 1, DAY * DAY_MS);
  series.add(5000, 1, DAY * DAY_MS);
  assert.is(sum(), 1000);
  assert.equal([series.count(3, DAY), series.count(5000, DAY)], [2, 1]);
});

test("folding reads as done from the start, in snapshots too, and is done with the batches that follow", async () => {
  const series = new Series();
  series.setLimits({ hoursKeptMs: DAY_MS, maxPoints: 1e9 });
  const counters = 20_000;
  for (let hour = 0; hour < 2; hour++) {
    for (let index = 0; index < counters; index++) series.add(index, 1, DAY * DAY_MS + hour * HOUR_MS);
  }
  const now = (DAY + 3) * DAY_MS;
  series.noteTime(now);
  const unmoved = series.bytes;
  assert.is(series.points, counters);
  series.add(7, 5, DAY * DAY_MS);
  series.add(counters, 1, DAY * DAY_MS);
  assert.equal([series.count(7, DAY), series.count(8, DAY), series.count(counters, DAY)], [7, 2, 1]);
  assert.is((await reloaded(series)).count(8, DAY), 2);
  let batches = 0;
  for (; batches < 1000 && series.image().days[0]?.unmoved.length !== 0; batches++) series.noteTime(now);
  assert.ok(batches > 10 && batches < 100, `${batches} batches`);
  assert.ok(series.bytes <= unmoved / 2, `${series.bytes} of ${unmoved} bytes`);
  assert.equal(
    [series.points, series.count(8, DAY), new Set(series.indexesOf(DAY)).size],
    [counters + 1, 2, counters + 1],
  );
});

test("a day that is dropped while it is folded is gone at once", () => {
  const series = new Series();
  series.setLimits({ hoursKeptMs: DAY_MS, maxPoints: 3000 });
  for (let index = 0; index < 3000; index++) series.add(index, 1, DAY * DAY_MS);
  series.noteTime((DAY + 3) * DAY_MS);
  series.add(0, 1, (DAY + 3) * DAY_MS);
  assert.equal([series.points, series.since, series.days()], [1, DAY + 1, [DAY + 3]]);
  for (let i = 0; i < 10; i++) series.noteTime((DAY + 3) * DAY_MS);
  assert.equal([series.points, series.count(0, DAY + 3)], [1, 1]);
  assert.ok(series.bytes < 1000, `${series.bytes} bytes`);
});

test("a point takes 16 to 32 bytes, folded ones too", () => {
  const series = new Series();
  series.setLimits({ hoursKeptMs: DAY_MS, maxPoints: 1e9 });
  for (let index = 0; index < 50_000; index++) {
    for (let hour = 0; hour < 3; hour++) series.add(index, 1, DAY * DAY_MS + hour * HOUR_MS);
  }
  assert.ok(
    series.bytes >= 16 * series.points && series.bytes <= 32 * series.points,
    `${series.bytes / series.points}`,
  );
  for (let batch = 0; batch < 500; batch++) series.noteTime((DAY + 3) * DAY_MS);
  assert.is(series.points, 50_000);
  assert.ok(series.bytes <= 32 * series.points, `${series.bytes / series.points}`);
});

test("bytes that are not a series are detected", async () => {
  const series = new Series();
  series.add(1, 1, DAY * DAY_MS);
  series.add(2, 1, DAY * DAY_MS);
  const bytes = Buffer.concat([...seriesBytes(series.image())]);
  for (let length = 1; length < bytes.length; length++)
    assert.not(await restoreSeries(new Series(), new BufferBytes(bytes.subarray(0, length))));
  assert.not(await restoreSeries(new Series(), new BufferBytes(Buffer.concat([bytes, bytes]))), "one day twice");
});

test("an image of many days is passed in slices, each day once", () => {
  const series = new Series();
  for (let day = 0; day < 250; day++) series.add(0, 1, day * DAY_MS);
  for (let index = 0; index < 50_000; index++) series.add(index, 1, 100 * DAY_MS);
  const { days } = series.image();
  const slices = [...slicesOf(days, 10)];
  assert.equal(slices.flat(), days);
  assert.is(slices.length, 10 + 1 + 15);
  for (const slice of slices) assert.ok(slice.length <= 10);
  assert.equal([...slicesOf([], 10)], []);
});

test("a range has every known bucket, zeros included, and no unknown one", () => {
  const series = new Series();
  series.startAt(DAY);
  series.add(0, 3, DAY * DAY_MS + 2 * HOUR_MS);
  series.add(0, 4, (DAY + 2) * DAY_MS);
  const days = seriesBuckets(series, 0, { by: "day", from: (DAY - 1) * DAY_MS, to: (DAY + 2) * DAY_MS + 1 });
  assert.equal(days, {
    from: "2026-11-23T00:00:00Z",
    to: "2026-11-27T00:00:00Z",
    since: "2026-11-24T00:00:00Z",
    points: [
      { at: "2026-11-24T00:00:00Z", count: 3 },
      { at: "2026-11-25T00:00:00Z", count: 0 },
      { at: "2026-11-26T00:00:00Z", count: 4 },
    ],
  });
  const hours = seriesBuckets(series, 0, { by: "hour", from: DAY * DAY_MS - 1, to: DAY * DAY_MS + 3 * HOUR_MS });
  assert.equal(
    hours.points.map(({ count }) => count),
    [0, 0, 3],
  );
  assert.equal([hours.from, hours.hoursSince], ["2026-11-23T23:00:00Z", "2026-11-24T00:00:00Z"]);
  assert.equal(seriesBuckets(new Series(), undefined, { by: "day", from: 0, to: 1 }).points, [
    { at: "1970-01-01T00:00:00Z", count: 0 },
  ]);
});

test.run();
