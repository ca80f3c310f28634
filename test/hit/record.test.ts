import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { encodeHit } from "../../src/hit/encoding.js";
import { foldHits, storedHits } from "../../src/hit/record.js";
import type { Hit } from "../../src/model/hit.js";
import type { LogBatch } from "../../src/wal/segment-reader.js";
import { encodeHits } from "../support/encode-hits.js";

const TIME = 1_700_000_000_000;

function batchOf(records: Buffer, count: number): LogBatch {
  const place = {
    baseOffset: 1000,
    endOffset: 1000 + count,
    time: TIME,
    epoch: 1,
    nonce: "",
    segment: 0,
    byte: 4096,
    endByte: 0,
  };
  return { ...place, count, buffer: records, recordsStart: 0, recordsEnd: records.length };
}

const hit: fc.Arbitrary<Hit> = fc
  .record({
    counter: fc.oneof(
      fc.constantFrom("home", "/blog", "é", "🎉"),
      fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
    ),
    n: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1_000_000_000 })),
    at: fc.option(fc.integer({ min: 0, max: 4_000_000_000_000 }), { nil: undefined }),
    id: fc.option(fc.string({ minLength: 1, maxLength: 60 }), { nil: undefined }),
    payload: fc.option(
      fc.dictionary(fc.string(), fc.string()).map((value) => JSON.stringify(value)),
      { nil: undefined },
    ),
  })
  .map(({ counter, n, at, id, payload }) => ({
    counter,
    n,
    ...(at === undefined ? {} : { at }),
    ...(id === undefined ? {} : { id }),
    ...(payload === undefined ? {} : { payload }),
  }));

test("encoded hits are read back, alone and in groups", () => {
  fc.assert(
    fc.property(fc.array(hit, { minLength: 1, maxLength: 30 }), (hits) => {
      const expected = hits.map((one, index) => ({ ...one, at: one.at ?? TIME, offset: 1000 + index }));
      assert.equal([...storedHits(batchOf(encodeHits(hits), hits.length))], expected);
      assert.equal([...storedHits(batchOf(Buffer.concat(hits.map(encodeHit)), hits.length))], expected);
      // Groups of several requests follow each other in a batch.
      const groups = Buffer.concat([encodeHits(hits), encodeHits(hits)]);
      const twice = [...hits, ...hits].map((one, index) => ({ ...one, at: one.at ?? TIME, offset: 1000 + index }));
      assert.equal([...storedHits(batchOf(groups, 2 * hits.length))], twice);
    }),
  );
});

test("folding adds the hits", () => {
  fc.assert(
    fc.property(fc.array(hit, { minLength: 1, maxLength: 30 }), (hits) => {
      const expected = new Map<string, number>();
      for (const { counter, n } of hits) expected.set(counter, (expected.get(counter) ?? 0) + n);
      const names: string[] = [];
      const folded = new Map<string, number>();
      foldHits(
        batchOf(encodeHits(hits), hits.length),
        (name) => names.push(name) - 1,
        (key, n) => {
          const name = names[key] ?? "";
          folded.set(name, (folded.get(name) ?? 0) + n);
        },
      );
      assert.equal(folded, expected);
      assert.is(names.length, new Set(names).size, "a name is resolved once a request");
    }),
  );
});

test("a hit with a name of 20 bytes takes 24 bytes, and 5 if the name was in the request before", () => {
  const counter = "/a/name/of/20/bytes/";
  assert.is(encodeHit({ counter, n: 1 }).length, 24);
  assert.is(
    encodeHits([
      { counter, n: 1 },
      { counter, n: 1 },
    ]).length,
    28,
  );
});

test("no byte of a damaged record leads past its end, and records of a later version are refused", () => {
  const codes = new Set<string>();
  const record = encodeHits([
    { counter: "home", n: 5, at: 7, id: "key", payload: '{"a":1}' },
    { counter: "home", n: 1 },
  ]);
  for (let at = 0; at < record.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const broken = Buffer.from(record);
      broken[at] = (broken[at] ?? 0) ^ (1 << bit);
      try {
        for (const one of storedHits(batchOf(broken, 2))) assert.ok(one.offset === 1000 || one.offset === 1001);
      } catch (error) {
        assert.instance(error, HitsError);
        if (error instanceof HitsError) codes.add(error.code);
      }
    }
  }
  assert.equal([...codes].sort(), ["INVALID_RECORD", "UNKNOWN_RECORD_TYPE"]);
});

test("a record of an unknown type, or with unknown flags", () => {
  for (const [type, flags] of [
    [2, 0],
    [0, 0],
    [1, 0x20],
    [1, 0x80],
  ] as const) {
    const record = encodeHit({ counter: "home", n: 1 });
    record[1] = type;
    record[2] = flags;
    const batch = batchOf(record, 1);
    assert.throws(
      () => [...storedHits(batch)],
      (error: HitsError) => error.code === "UNKNOWN_RECORD_TYPE",
    );
    assert.throws(
      () =>
        foldHits(
          batch,
          () => 0,
          () => undefined,
        ),
      (error: HitsError) => error.code === "UNKNOWN_RECORD_TYPE" && /byte 4096/.test(error.message),
    );
  }
});

test.run();
