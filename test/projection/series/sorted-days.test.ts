import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SortedDays } from "../../../src/projection/series/sorted-days.js";

test("the same as a sorted list of all days", () => {
  const day = fc.nat(30);
  fc.assert(
    fc.property(fc.array(fc.tuple(day, fc.boolean())), day, day, (changes, from, to) => {
      const days = new SortedDays<string>();
      const model = new Map<number, string>();
      for (const [one, isThere] of changes) {
        if (isThere) days.set(one, `day ${one}`);
        else days.delete(one);
        if (isThere) model.set(one, `day ${one}`);
        else model.delete(one);
      }
      const sorted = [...model].sort(([a], [b]) => a - b);
      assert.equal([...days], sorted);
      assert.equal(
        [...days.range(from, to)],
        sorted.filter(([one]) => one >= from && one < to),
      );
      assert.is(days.firstFrom(from), sorted.find(([one]) => one >= from)?.[0]);
      assert.is(days.lastBefore(from), sorted.findLast(([one]) => one < from)?.[0]);
      assert.is(days.get(from), model.get(from));
    }),
  );
});

test.run();
