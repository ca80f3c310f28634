import { test } from "uvu";
import * as assert from "uvu/assert";
import { BatchEncoder } from "../../src/hit/encoding.js";
import { storedHits } from "../../src/hit/record.js";
import { MAX_BATCH_BYTES } from "../../src/wal/format.js";
import { encodeHits } from "../support/encode-hits.js";

function readBack(buffer: Buffer, count: number): string[] {
  const place = { baseOffset: 0, endOffset: count, time: 1, epoch: 1, nonce: "", segment: 0, byte: 0, endByte: 0 };
  const batch = { ...place, count, buffer, recordsStart: 0, recordsEnd: buffer.length };
  return [...storedHits(batch)].map(({ counter }) => counter);
}

test("of 20,000 names, each is written once and found again, however far back", () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `page-${i}`);
  const hits = names.flatMap((name, i) => [name, names[i % 7] ?? "", names[names.length - 1 - i] ?? ""]);
  const bytes = encodeHits(hits.map((counter) => ({ counter, n: 1 })));
  assert.equal(readBack(bytes, hits.length), hits);
  assert.is(bytes.indexOf("page-19999"), bytes.lastIndexOf("page-19999"));
});

test("two batches that are encoded at the same time have nothing of each other", () => {
  const both = [new BatchEncoder(), new BatchEncoder()];
  for (const [name, counter] of ["home", "blog"].entries()) for (const one of both) one.add({ counter, n: 1 }, name);
  for (const one of both) one.add({ counter: "home", n: 1 }, 0);
  for (const one of both) assert.equal(readBack(one.bytes(), 3), ["home", "blog", "home"]);
});

test("a batch has no room beyond what the log takes as one", () => {
  const encoder = new BatchEncoder();
  const hit = { counter: "home", n: 1, payload: `"${"x".repeat(16_000)}"` };
  while (encoder.hasRoomFor(hit)) encoder.add(hit, 0);
  const { length } = encoder.bytes();
  assert.ok(length < MAX_BATCH_BYTES && length > 0.99 * MAX_BATCH_BYTES);
});

test.run();
