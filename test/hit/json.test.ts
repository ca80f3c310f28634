import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deeperThan } from "../../src/hit/json.js";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("the scanned depth is the parsed depth", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8, noUnicodeString: false }), (value) => {
      const json = Buffer.from(JSON.stringify(value));
      const depth = depthOf(value);
      assert.is(deeperThan(json, depth), false);
      if (depth > 0) assert.is(deeperThan(json, depth - 1), true);
    }),
    { numRuns: 1000 },
  );
});

test("brackets in strings don't count, brackets after strings do", () => {
  assert.is(deeperThan(Buffer.from('["[[[[\\"[[[","\\\\",{}]'), 2), false);
  assert.is(deeperThan(Buffer.from('["[[[[\\"[[[","\\\\",{}]'), 1), true);
  assert.is(deeperThan(Buffer.from("[".repeat(1_000_000)), 1000), true);
  assert.is(deeperThan(Buffer.from("[]".repeat(1_000_000)), 1), false);
});

test.run();
