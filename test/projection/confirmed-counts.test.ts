import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfirmedCounts } from "../../src/projection/confirmed-counts.js";
import type { ProjectorReport } from "../../src/projection/mongo/messages.js";
import { Totals } from "../../src/projection/totals.js";

function report(parts: Partial<ProjectorReport>, asOf = 0): ProjectorReport {
  const scrub = { passes: 0, documents: 0, marked: 0 };
  const status = {
    state: "running",
    since: 0,
    lastError: null,
    errors: 0,
    checkpoint: 0,
    lag: 0,
    blocked: new Map(),
    asOf,
    scrub,
    series: { owed: 0, blocked: 0, passes: 0 },
  } as const;
  return { type: "report", status, confirmed: [], remote: [], ...parts };
}

function totalsOf(counts: Record<string, number>): Totals {
  const totals = new Totals();
  for (const [name, count] of Object.entries(counts)) totals.add(totals.indexOf(name), count);
  return totals;
}

test("nothing is confirmed before the projection has reported everything owed; then all else is", () => {
  const totals = totalsOf({ a: 3, b: 4 });
  const database = new ConfirmedCounts(totals, null, 10);
  assert.equal([database.lag, database.confirmed(0), database.asOf], [7, 0, null]);
  database.apply(report({ confirmed: [["b", 3]] }));
  assert.equal([database.lag, database.confirmed(1)], [7, 0], "it may have reported only a part");
  database.markReady();
  assert.equal([database.lag, database.confirmed(0), database.confirmed(1)], [1, 3, 3]);
});

test("what is reported as owed is owed, all else is confirmed", () => {
  const totals = totalsOf({ a: 3, b: 4 });
  const database = new ConfirmedCounts(totals, null, 10);
  database.markReady();
  assert.equal([database.lag, database.confirmed(0), database.asOf], [0, 3, null]);
  database.apply(report({ confirmed: [["a", 1]] }, 1000));
  assert.equal([database.lag, database.confirmed(0), database.confirmed(1)], [2, 1, 4]);
  assert.is(database.asOf, "1970-01-01T00:00:01.000Z");
  totals.add(1, 5);
  assert.is(database.lag, 7);
  database.apply(report({ confirmed: [["b", 9]] }));
  assert.is(database.lag, 2);
});

test("counters that come later, even many at once", () => {
  const totals = totalsOf({});
  const database = new ConfirmedCounts(totals, null, 100_000);
  database.markReady();
  for (let at = 0; at < 5000; at++) totals.add(totals.indexOf(`c${at}`), 2);
  assert.is(database.lag, 10_000);
  database.apply(
    report({
      confirmed: [
        ["c4999", 2],
        ["c0", 1],
      ],
    }),
  );
  assert.equal([database.confirmed(4999), database.confirmed(0), database.confirmed(1), database.lag], [2, 1, 0, 9997]);
});

test("new counters of other logs are taken up to the limit, known ones always", () => {
  const totals = totalsOf({ a: 3 });
  const database = new ConfirmedCounts(totals, null, 2);
  database.markReady();
  database.apply(
    report({
      remote: [
        ["a", 7],
        ["b", 8],
        ["c", 9],
      ],
    }),
  );
  assert.equal([totals.remote(0), totals.remote(totals.find("b") ?? -1), totals.find("c")], [7, 8, undefined]);
  assert.is(database.dropped, 1);
  assert.is(database.lag, 0);
});

test("new counters of other logs are taken up to the bytes of all names", () => {
  const totals = totalsOf({});
  const database = new ConfirmedCounts(totals, null, 5000);
  database.apply(report({ remote: Array.from({ length: 1030 }, (_, i) => [String(i).padEnd(1024, "x"), 1]) }));
  assert.equal([totals.size, database.dropped], [1024, 6]);
});

test("a projection that restarts: what it had confirmed and never reported is not owed for ever", () => {
  const totals = totalsOf({ a: 3 });
  const database = new ConfirmedCounts(totals, null, 10);
  database.markReady();
  database.apply(report({ confirmed: [["a", 1]] }));
  // It confirmed all three, recorded that, and ended before its report: from then on nothing of it is owed.
  database.restart();
  assert.equal(
    [database.lag, database.confirmed(0)],
    [2, 1],
    "until it has reported everything its earlier reports stand",
  );
  database.markReady();
  assert.equal([database.lag, database.confirmed(0)], [0, 3]);
});

test.run();
