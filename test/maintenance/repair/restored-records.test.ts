import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CounterHistory, LogHistory } from "../../../src/maintenance/log-history.js";
import { findRestoredRecords, withRestoredRecords } from "../../../src/maintenance/repair/restored-records.js";
import { MAX_N } from "../../../src/model/hit.js";
import { MissingRanges } from "../../../src/wal/missing-ranges.js";
import { missingRange } from "../../support/missing.js";

const slot = (offset: number, count: number, log: number) => ({ snapshot: undefined, offset, count, whole: true, log });
const snapshot = (offset: number, count: number, log: number, whole = true) => ({
  snapshot: `at ${offset}`,
  offset,
  count,
  whole,
  log,
});

function history(counters: Record<string, CounterHistory["claims"]>): LogHistory {
  const all = Object.entries(counters).map(([name, claims]) => [name, { total: 0, claims }] as const);
  const files = new Set(all.flatMap(([, { claims }]) => claims.map((claim) => claim.snapshot ?? "")));
  files.delete("");
  return { from: 0, end: 1000, counters: new Map(all), snapshots: [...files] };
}

const missing = (...ranges: (readonly [number, number])[]) =>
  new MissingRanges(ranges.map(([from, to]) => missingRange(from, to)));

test("the difference is restored at a missing offset below the claim", () => {
  const { records, unexplained, lacking } = findRestoredRecords(
    history({ a: [slot(120, 57, 50)] }),
    missing([100, 150]),
  );
  assert.equal(records, [{ counter: "a", n: 7, offset: 100, source: "mongodb" }]);
  assert.equal([unexplained, lacking], [[], []]);
});

test("nothing is restored for a claim of as much as the log has, or less", () => {
  assert.equal(
    findRestoredRecords(history({ a: [slot(120, 50, 50)], b: [slot(120, 3, 50)] }), missing([100, 150])).records,
    [],
  );
});

test("each lost hit has an offset of its own, also if a restored record is written down already", () => {
  const counters = { a: [slot(102, 1, 0)], b: [slot(103, 1, 0)], c: [slot(104, 1, 0)] };
  const known = new MissingRanges([
    missingRange(100, 150, { restoredRecords: [{ offset: 101, record: Buffer.from([1, 65]) }] }),
  ]);
  const { records } = findRestoredRecords(history(counters), known);
  assert.equal(
    records.map(({ counter, offset }) => [counter, offset]),
    [
      ["a", 100],
      ["b", 102],
      ["c", 103],
    ],
  );
});

test("more than can have been lost before it is not explained, and nothing is made up", () => {
  const { records, unexplained } = findRestoredRecords(
    history({
      early: [slot(90, 5, 2)],
      crowded: [slot(101, 1, 0)],
      other: [slot(101, 1, 0)],
      beyond: [slot(2000, 9, 1)],
    }),
    missing([100, 150]),
  );
  assert.equal(
    records.map(({ counter }) => counter),
    ["crowded"],
  );
  assert.equal(unexplained.map(({ counter }) => counter).sort(), ["beyond", "early", "other"]);
});

test("after a claim that agrees with the log, only later missing ranges explain more", () => {
  const two = missing([100, 110], [300, 310]);
  const claims = [snapshot(200, 40, 40), slot(400, 47, 40)];
  assert.equal(findRestoredRecords(history({ a: claims }), two).records, [
    { counter: "a", n: 7, offset: 300, source: "mongodb" },
  ]);
  assert.is(findRestoredRecords(history({ a: claims }), missing([100, 110])).unexplained.length, 1);
});

test("a snapshot that was taken after damage does not count as such a claim, and is made again", () => {
  const claims = [snapshot(200, 40, 40, false), slot(400, 47, 40)];
  const { records, lacking } = findRestoredRecords(history({ a: claims }), missing([100, 110]));
  assert.equal(records, [{ counter: "a", n: 7, offset: 100, source: "mongodb" }]);
  assert.equal(lacking, ["at 200"], "it has less than is known for its offset now");
});

test("a large difference is as many records as it takes, within one range as within several", () => {
  const ranges = missing([100, 102], [110, 150]);
  const { records } = findRestoredRecords(history({ a: [slot(120, 2 * MAX_N + 5, 0)] }), ranges);
  assert.equal(
    records.map(({ n, offset }) => [n, offset]),
    [
      [MAX_N, 100],
      [MAX_N, 101],
      [5, 110],
    ],
  );
  assert.equal(
    withRestoredRecords(ranges.ranges, records).map((range) => range.restoredRecords.length),
    [2, 1],
  );
});

test.run();
