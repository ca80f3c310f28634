import { crc32 } from "node:zlib";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  BATCH_HEADER_BYTES,
  checksumSeed,
  decodeSegmentHeader,
  EPOCH_GAP,
  encodeSegmentHeader,
  HEADER_BYTES,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  parseBatch,
  readU64,
  type SegmentHeader,
  sealBatch,
  writeU64,
} from "../../src/wal/format.js";

const count53 = fc.maxSafeNat();
const nonce = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const plain = { noNullPrototype: true };
const header: fc.Arbitrary<SegmentHeader> = fc.record(
  {
    logId: fc.string({
      unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789"),
      minLength: 16,
      maxLength: 16,
    }),
    epoch: count53,
    nonce,
    baseOffset: count53,
    preparedSize: count53,
    created: count53,
    previous: fc.option(fc.record({ baseOffset: count53, endByte: count53, endOffset: count53 }, plain), {
      nil: undefined,
    }),
  },
  plain,
);

const HEADER: SegmentHeader = {
  logId: "0123456789abcdef",
  epoch: 7,
  nonce: "00112233aabbccdd",
  baseOffset: 2 ** 33 + 5,
  preparedSize: 65536,
  created: 1_700_000_000_000,
  previous: { baseOffset: 2 ** 33, endByte: 5000, endOffset: 2 ** 33 + 5 },
};

function batchOf(
  records: Uint8Array,
  fields: { seed: number; baseOffset: number; count: number; time: number },
): Buffer {
  const buffer = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), records]);
  sealBatch(buffer, buffer.length, fields);
  return buffer;
}

/** One word for how a batch was taken. */
function verdict(parsed: ReturnType<typeof parseBatch>): string {
  return "batch" in parsed ? "batch" : "more" in parsed ? `more ${parsed.more}` : parsed.invalid.expected;
}

test("every field of a segment header comes back", () => {
  fc.assert(
    fc.property(header, (written) => {
      const decoded = decodeSegmentHeader(encodeSegmentHeader(written), written.baseOffset);
      assert.equal(decoded, { header: written });
    }),
  );
});

test("a segment header has its bytes where format.ts draws them", () => {
  const block = encodeSegmentHeader(HEADER);
  assert.is(block.length, HEADER_BYTES);
  assert.is(block.toString("latin1", 0, 8), "DHITSLOG");
  assert.equal([block.readUInt32LE(8), block.readUInt32LE(12)], [1, 4096]);
  assert.is(block.toString("latin1", 16, 32), HEADER.logId);
  assert.is(block.toString("hex", 40, 48), HEADER.nonce);
  const numbers = [32, 48, 56, 64, 72, 80, 88].map((at) => Number(block.readBigUInt64LE(at)));
  assert.equal(numbers, [7, 2 ** 33 + 5, 65536, 1_700_000_000_000, 2 ** 33, 5000, 2 ** 33 + 5]);
  assert.is(block.readUInt32LE(96), crc32(block.subarray(0, 96)));
});

test("every single flipped bit of a segment header is noticed, up to the end of its checksum", () => {
  for (let bit = 0; bit < HEADER_BYTES * 8; bit += bit < 110 * 8 ? 1 : 101) {
    const block = encodeSegmentHeader(HEADER);
    block.writeUInt8(block.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const decoded = decodeSegmentHeader(block, HEADER.baseOffset);
    assert.is("header" in decoded, bit >= 100 * 8, `bit ${bit}`);
    assert.is("version" in decoded, false, `bit ${bit}: damage is not another version`);
  }
});

test("another version, with a sound checksum, is distinguished from damage", () => {
  for (const version of [0, 2, 3, 2 ** 32 - 1]) {
    const block = encodeSegmentHeader(HEADER);
    block.writeUInt32LE(version, 8);
    assert.ok("invalid" in decodeSegmentHeader(block, HEADER.baseOffset));
    block.writeUInt32LE(crc32(block.subarray(0, 96)), 96);
    assert.equal(decodeSegmentHeader(block, HEADER.baseOffset), { version });
  }
});

test("a header that is too short, in a file of another name, or with numbers that can't be", () => {
  const block = encodeSegmentHeader(HEADER);
  const signed = (change: (block: Buffer) => void) => {
    const copy = Buffer.from(block);
    change(copy);
    copy.writeUInt32LE(crc32(copy.subarray(0, 96)), 96);
    return decodeSegmentHeader(copy, HEADER.baseOffset);
  };
  for (const length of [0, 1, 8, 96, 99]) {
    assert.ok("invalid" in decodeSegmentHeader(block.subarray(0, length), HEADER.baseOffset), `${length} bytes`);
  }
  assert.ok("header" in decodeSegmentHeader(block.subarray(0, 100), HEADER.baseOffset));
  assert.ok("invalid" in decodeSegmentHeader(block, HEADER.baseOffset + 1));
  assert.ok("invalid" in signed((copy) => copy.write("ABC", 16)));
  for (const at of [32, 48, 56, 64, 72, 80, 88]) {
    assert.ok("invalid" in signed((copy) => copy.writeUInt8(0x20, at + 6)), `number at ${at}`);
  }
});

const batch = fc.record({
  records: fc.uint8Array({ maxLength: 300 }),
  baseOffset: count53,
  count: fc.nat(MAX_BATCH_RECORDS),
  time: count53,
  nonce,
  before: fc.nat(50),
});

test("every field of a batch comes back, wherever in a buffer it is", () => {
  fc.assert(
    fc.property(batch, (written) => {
      const seed = checksumSeed(written.nonce);
      const bytes = batchOf(written.records, { ...written, seed });
      const buffer = Buffer.concat([Buffer.alloc(written.before, 0xaa), bytes, Buffer.alloc(10, 0xaa)]);
      const expected = { seed, from: written.baseOffset, to: written.baseOffset };
      const parsed = parseBatch(buffer, written.before, buffer.length - written.before, expected);
      const { baseOffset, count, time, before } = written;
      assert.equal(parsed, { batch: { baseOffset, count, time, start: before, end: before + bytes.length } });
      assert.ok(buffer.subarray(before + BATCH_HEADER_BYTES, before + bytes.length).equals(written.records));
    }),
  );
});

const SEED = checksumSeed(HEADER.nonce);
const EXPECTED = { seed: SEED, from: 10, to: 10 };
const small = () => batchOf(Buffer.from("\x05hello\x03you"), { seed: SEED, baseOffset: 10, count: 2, time: 99 });

test("every single flipped bit of a batch is noticed, and of any batch two at once", () => {
  const whole = small();
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = small();
    bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    const parsed = parseBatch(bytes, 0, bytes.length, { ...EXPECTED, to: Number.MAX_SAFE_INTEGER });
    assert.is("batch" in parsed, false, `bit ${bit}`);
  }
  fc.assert(
    fc.property(fc.nat(whole.length * 8 - 1), fc.nat(whole.length * 8 - 1), (a, b) => {
      fc.pre(a !== b);
      const bytes = small();
      for (const bit of [a, b]) bytes.writeUInt8(bytes.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      assert.is("batch" in parseBatch(bytes, 0, bytes.length, EXPECTED), false);
    }),
  );
});

test("absurd lengths are refused before anything is read or allocated for them", () => {
  for (const length of [0, 1, BATCH_HEADER_BYTES - 1, MAX_BATCH_BYTES + 1, 2 ** 31, 2 ** 32 - 1]) {
    const bytes = small();
    bytes.writeUInt32LE(length, 4);
    assert.match(verdict(parseBatch(bytes, 0, bytes.length, EXPECTED)), "a batch length from 32", `${length}`);
  }
});

test("the longest batch passes", () => {
  const bytes = batchOf(Buffer.alloc(MAX_BATCH_BYTES - BATCH_HEADER_BYTES), {
    ...EXPECTED,
    baseOffset: 10,
    count: 1,
    time: 1,
  });
  assert.is(verdict(parseBatch(bytes, 0, bytes.length, EXPECTED)), "batch");
});

test("a batch that the buffer ends in says how many bytes it takes to tell", () => {
  const bytes = small();
  for (let available = 0; available < bytes.length; available++) {
    const needed = available < BATCH_HEADER_BYTES ? BATCH_HEADER_BYTES : bytes.length;
    assert.is(verdict(parseBatch(bytes, 0, available, EXPECTED)), `more ${needed}`);
  }
});

test("base offsets out of range, from below, above and beyond 2^53", () => {
  for (const [from, to, is] of [
    [10, 10, "batch"],
    [0, 20, "batch"],
    [11, 20, "a batch at offset 11"],
    [0, 9, "a batch at offset 0"],
  ] as const) {
    const bytes = small();
    assert.is(verdict(parseBatch(bytes, 0, bytes.length, { seed: SEED, from, to })), is);
  }
  const bytes = small();
  bytes.writeUInt8(0x20, 22);
  assert.match(verdict(parseBatch(bytes, 0, bytes.length, { ...EXPECTED, to: Number.MAX_SAFE_INTEGER })), "offset 10");
});

test("more records than a batch may hold, or a time beyond 2^53", () => {
  for (const change of [
    (b: Buffer) => b.writeUInt32LE(MAX_BATCH_RECORDS + 1, 12),
    (b: Buffer) => b.writeUInt8(0x20, 30),
  ]) {
    const bytes = small();
    change(bytes);
    assert.match(verdict(parseBatch(bytes, 0, bytes.length, EXPECTED)), "at most");
  }
});

test("a batch of another nonce never passes", () => {
  fc.assert(
    fc.property(batch, nonce, (written, other) => {
      fc.pre(checksumSeed(written.nonce) !== checksumSeed(other));
      const bytes = batchOf(written.records, { ...written, seed: checksumSeed(written.nonce) });
      const expected = { seed: checksumSeed(other), from: 0, to: Number.MAX_SAFE_INTEGER };
      assert.match(verdict(parseBatch(bytes, 0, bytes.length, expected)), "batch checksum");
    }),
  );
});

test("64-bit numbers up to 2^53, and none beyond", () => {
  const bytes = Buffer.alloc(8);
  fc.assert(
    fc.property(count53, (value) => {
      writeU64(bytes, 0, value);
      assert.is(readU64(bytes, 0), value);
      assert.is(Number(bytes.readBigUInt64LE(0)), value);
    }),
  );
  bytes.writeBigUInt64LE(2n ** 53n);
  assert.is(readU64(bytes, 0), undefined);
});

test("the gap between epochs is larger than the largest batch", () => {
  assert.ok(EPOCH_GAP > MAX_BATCH_RECORDS);
});

test.run();
