import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ConfirmedCounts } from "../../src/projection/confirmed-counts.js";
import { topCounters } from "../../src/projection/top-counters.js";
import { Totals } from "../../src/projection/totals.js";

function totalsOf(counts: readonly (readonly [own: number, remote: number])[]): Totals {
  const totals = new Totals();
  for (const [i, [own, remote]] of counts.entries()) {
    totals.add(totals.indexOf(`c${i}`), own);
    totals.setRemote(i, remote);
  }
  return totals;
}

test("the largest first, other logs' hits included, equal ones in the order of first sight: as sorting all would give", async () => {
  const count = fc.integer({ min: 0, max: 9 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(count, count), { maxLength: 80 }),
      fc.integer({ min: 1, max: 25 }),
      async (counts, limit) => {
        const sum = ([own, remote]: readonly [number, number]) => own + remote;
        const expected = counts
          .map((each, index) => ({ index, count: sum(each) }))
          .sort((a, b) => b.count - a.count || a.index - b.index)
          .slice(0, limit)
          .map(({ index }) => index);
        assert.equal(await topCounters(totalsOf(counts), undefined, limit), { indexes: expected, owing: 0 });
      },
    ),
    { numRuns: 500 },
  );
});

test("counters that the database lacks hits of are counted: all of them while nothing is reported", async () => {
  const totals = totalsOf([
    [3, 0],
    [0, 7],
    [5, 0],
  ]);
  const database = new ConfirmedCounts(totals, null, 100);
  assert.is((await topCounters(totals, database, 1)).owing, 2);
  database.markReady();
  assert.is((await topCounters(totals, database, 1)).owing, 0);
  totals.add(2, 1);
  assert.equal(await topCounters(totals, database, 1), { indexes: [1], owing: 1 });
});

test("many are looked at in several turns of the event loop", async () => {
  const totals = new Totals();
  for (let i = 0; i < 150_000; i++) totals.add(totals.indexOf(`c${i}`), i + 1);
  let turns = 0;
  const count = () => {
    turns++;
    turning = setImmediate(count);
  };
  let turning = setImmediate(count);
  const { indexes } = await topCounters(totals, undefined, 2);
  clearImmediate(turning);
  assert.equal(indexes, [149_999, 149_998]);
  assert.ok(turns >= 4, `${turns} turns`);
});

test.run();
