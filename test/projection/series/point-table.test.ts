import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hashOf, indexOf, keyOf, placeOf, WHOLE_DAY } from "../../../src/projection/series/point-key.js";
import { PointTable } from "../../../src/projection/series/point-table.js";
import { eachPoint } from "../../../src/projection/series/table-part.js";

function pointsOf(parts: readonly SharedArrayBuffer[]): Map<number, number> {
  const points = new Map<number, number>();
  for (const part of parts) {
    eachPoint(part, (key, count) => {
      assert.not(points.has(key), `key ${key} twice`);
      points.set(key, count);
    });
  }
  return points;
}

test("the same as a plain map, whatever is added in between images", () => {
  const addition = fc.record({
    index: fc.oneof(fc.nat(3000), fc.nat(16_000_000)),
    place: fc.nat(WHOLE_DAY),
    takesImage: fc.nat(200).map((number) => number === 0),
  });
  fc.assert(
    fc.property(fc.array(addition, { maxLength: 300 }), fc.constantFrom(0, 4000), (additions, before) => {
      const table = new PointTable();
      const model = new Map<number, number>();
      const images: { parts: readonly SharedArrayBuffer[]; expected: Map<number, number> }[] = [];
      const add = (index: number, place: number) => {
        const key = keyOf(index, place);
        assert.is(table.add(index, place, 3), !model.has(key));
        model.set(key, (model.get(key) ?? 0) + 3);
      };
      for (let index = 0; index < before; index++) add(index * 5, 1);
      for (const { index, place, takesImage } of additions) {
        add(index, place);
        const isAlone = ![...model.keys()].some((key) => indexOf(key) === index && placeOf(key) !== place);
        if (before === 0) assert.is(table.hasOther(index, place), !isAlone);
        if (takesImage) images.push({ parts: table.image(), expected: new Map(model) });
      }
      assert.is(table.points, model.size);
      for (const [key, count] of model) assert.is(table.get(indexOf(key), placeOf(key)), count);
      assert.is(table.get(16_000_001, 0), 0);
      for (const { parts, expected } of images) assert.equal(pointsOf(parts), expected);
      assert.equal(new Set(table.keys().flatMap((keys) => [...keys].filter((key) => key > 0))), new Set(model.keys()));
    }),
    { numRuns: 60 },
  );
});

test("no part grows past 48 KiB, and a point takes at most 32 bytes", () => {
  const table = new PointTable();
  for (let index = 0; index < 200_000; index++) {
    table.add(index, index % 3, 1);
    if (index > 50 && index % 1000 === 0) assert.ok(table.bytes <= 33 * table.points, `${table.bytes / table.points}`);
  }
  assert.ok(Math.max(...table.keys().map((keys) => keys.length)) <= 4096);
});

test("points are taken once each, in any order, a few at a time", () => {
  const table = new PointTable();
  for (let index = 0; index < 20_000; index++) table.add(index, index % 2, index + 1);
  const all = pointsOf(table.image());
  const taken = new Map<number, number>();
  const visit = (key: number, count: number) => {
    assert.not(taken.has(key));
    taken.set(key, count);
  };
  table.take(7, visit);
  assert.ok(taken.has(keyOf(7, 1)) && taken.size < 4096, `${taken.size} taken`);
  table.take(7, visit);
  let steps = 0;
  for (; table.points > 0; steps++) table.takeSome(1024, visit);
  assert.ok(steps > 4, `${steps} steps`);
  assert.equal(taken, all);
  assert.is(table.get(9, 1), 0);
});

test("keys that collided under a hash known to all are spread, and the parts are evenly filled", () => {
  // Chosen so that key * 2^32 / golden ratio has the same upper bits: one place for all in a table of 2^17 slots.
  const chosen: number[] = [];
  for (let index = 0; chosen.length < 30_000; index++) {
    if (Math.imul(keyOf(index, 5), 0x9e3779b1) >>> 24 === 77) chosen.push(index);
  }
  for (const indexes of [chosen, Array.from({ length: 30_000 }, (_, i) => i * 512), [...Array(30_000).keys()]]) {
    const table = new PointTable();
    for (const index of indexes) table.add(index, 5, 1);
    let [longest, run] = [0, 0];
    for (const keys of table.keys()) {
      for (const key of keys) {
        run = key === 0 ? 0 : run + 1;
        longest = Math.max(longest, run);
      }
      run = 0;
    }
    assert.ok(longest < 400, `a run of ${longest} used slots`);
    assert.ok(table.keys().length <= 24, `${table.keys().length} parts`);
  }
});

test("the hash has no collisions among 65,536 neighbours in its 32 bits", () => {
  assert.is(new Set(Array.from({ length: 65_536 }, (_, index) => hashOf(index))).size, 65_536);
});

test.run();
