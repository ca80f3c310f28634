import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { VarintReader, varintBytes, writeVarint } from "../../src/wal/varint.js";

test("any whole number below 2^53 comes back, in as many bytes as said", () => {
  const target = Buffer.alloc(20);
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(5), (value, at) => {
      const end = writeVarint(target, at, value);
      assert.is(end - at, varintBytes(value));
      const reader = new VarintReader(target, at, end);
      assert.is(reader.next(), value);
      assert.ok(reader.ok && reader.position === end);
    }),
  );
});

test("at the borders of each length", () => {
  for (let bytes = 1; bytes < 8; bytes++) {
    assert.is(varintBytes(2 ** (7 * bytes) - 1), bytes);
    assert.is(varintBytes(2 ** (7 * bytes)), bytes + 1);
  }
  const target = Buffer.alloc(8);
  assert.is(writeVarint(target, 0, 300), 2);
  assert.equal([...target.subarray(0, 2)], [0xac, 0x02], "as in Protocol Buffers");
});

test("several, one after the other", () => {
  fc.assert(
    fc.property(fc.array(fc.maxSafeNat(), { maxLength: 20 }), (values) => {
      const target = Buffer.alloc(200);
      let end = 0;
      for (const value of values) end = writeVarint(target, end, value);
      const reader = new VarintReader(target, 0, end);
      assert.equal(
        values.map(() => reader.next()),
        values,
      );
      assert.ok(reader.ok);
      reader.next();
      assert.not(reader.ok);
    }),
  );
});

test("one that never ends, or is cut short, is not ok and reads nothing past its end", () => {
  for (const [bytes, end] of [
    [Buffer.alloc(20, 0xff), 20],
    [Buffer.from([0x80, 0x01]), 1],
    [Buffer.alloc(0), 0],
  ] as const) {
    const reader = new VarintReader(bytes, 0, end);
    assert.is(reader.next(), 0);
    assert.not(reader.ok);
    assert.ok(reader.position <= end);
  }
});

test.run();
