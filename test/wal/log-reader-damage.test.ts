import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Damage } from "../../src/wal/damage.js";
import { describeDamage } from "../../src/wal/damage.js";
import { BATCH_HEADER_BYTES, checksumSeed, EPOCH_GAP, sealBatch } from "../../src/wal/format.js";
import { LogReader } from "../../src/wal/log-reader.js";
import {
  append,
  type Contents,
  directoryOn,
  edit,
  encodeRecords,
  flipBit,
  openLog,
  readAll,
  readOn,
  segmentPath,
  segments,
  smallLog,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

/** A log of several segments in which something is wrong: all that is readable is read, the rest handed out as damage. */

interface Made {
  readonly fs: MemoryFileSystem;
  readonly whole: Contents;
  readonly bases: number[];
  readonly nonce: string;
}

async function make(): Promise<Made> {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  for (let i = 0; i < 12; i++) await append(log, [`${i}`.padEnd(14_000, "-"), "x"]);
  await log.close();
  const whole = await readAll(fs);
  const bases = [...new Set(whole.batches.map((batch) => batch.segment))];
  assert.equal([whole.records.size, bases.length, whole.damage], [24, 3, []]);
  return { fs, whole, bases, nonce: log.nonce };
}

const ranges = (damage: readonly Damage[]) => damage.map(({ from, to }) => [from, to]);
const offsets = (contents: Contents) => [...contents.records.keys()];

/** Reads it all, as another process and from inside the process, and checks that it is the whole without these ranges. */
async function expectMissing(
  made: Made,
  fs: MemoryFileSystem,
  missing: [number, number][],
  when: string,
): Promise<void> {
  const readers = [
    new LogReader({ directory: directoryOn(fs), from: undefined }),
    new LogReader({ directory: directoryOn(fs), from: undefined, durableEnd: () => 24 }),
  ];
  for (const reader of readers) {
    const contents = await readOn(reader);
    assert.equal(ranges(contents.damage), missing, when);
    const left = offsets(made.whole).filter((offset) => !missing.some(([from, to]) => from <= offset && offset < to));
    assert.equal(offsets(contents), left, when);
    for (const [offset, record] of contents.records) assert.is(record, made.whole.records.get(offset));
    // At rest it says nothing twice.
    assert.equal((await readOn(reader)).damage, [], when);
    await reader.close();
  }
}

test("a flipped bit in any batch of a closed segment: that batch, and no other", async () => {
  const made = await make();
  for (const batch of made.whole.batches.filter((each) => each.count > 0 && each.segment !== made.bases[2])) {
    for (const byte of [batch.byte, batch.byte + 5, batch.byte + 12, batch.byte + 17, batch.byte + 5000]) {
      const fs = made.fs.copy();
      flipBit(fs, segmentPath(batch.segment), byte, 1);
      const from = made.whole.batches.filter((each) => each.byte < batch.byte && each.segment === batch.segment).length;
      const first = batch.segment + from * 2;
      await expectMissing(made, fs, [[first, first + 2]], `byte ${byte} of ${batch.segment}`);
    }
  }
});

test("a closed segment cut short, at a batch border and elsewhere, is no silent hole", async () => {
  const made = await make();
  const [, middle = 0, next = 0] = made.bases;
  const inside = made.whole.batches.filter((batch) => batch.segment === middle);
  for (const [index, batch] of inside.entries()) {
    for (const size of [batch.byte, batch.byte + 20, batch.endByte - 1]) {
      const fs = made.fs.copy();
      edit(fs, segmentPath(middle), (content) => content.subarray(0, size));
      await expectMissing(made, fs, [[middle + index * 2, next]], `${size} bytes`);
    }
  }
});

test("a segment deleted from the middle", async () => {
  const made = await make();
  const [, middle = 0, next = 0] = made.bases;
  const fs = made.fs.copy();
  fs.remove(segmentPath(middle));
  await expectMissing(made, fs, [[middle, next]], "deleted");
});

test("a damaged header in the middle: the whole segment, and the others are read", async () => {
  const made = await make();
  const [, middle = 0, next = 0] = made.bases;
  for (const byte of [0, 9, 20, 41, 50, 73, 97]) {
    const fs = made.fs.copy();
    flipBit(fs, segmentPath(middle), byte, 3);
    await expectMissing(made, fs, [[middle, next]], `byte ${byte}`);
  }
});

test("two segments swapped: neither is taken for the other", async () => {
  const made = await make();
  const [first = 0, middle = 0, next = 0] = made.bases;
  const fs = made.fs.copy();
  const [a, b] = [fs.content(segmentPath(first)), fs.content(segmentPath(middle))];
  fs.put(segmentPath(first), b);
  fs.put(segmentPath(middle), a);
  const contents = await readAll(fs);
  assert.equal(
    offsets(contents),
    offsets(made.whole).filter((offset) => offset >= next),
  );
  assert.equal(ranges(contents.damage), [
    [first, middle],
    [middle, next],
  ]);
});

test("what is past a recorded end is never read, even where it is a batch of the same epoch", async () => {
  const made = await make();
  const [first = 0, middle = 0] = made.bases;
  const fs = made.fs.copy();
  const records = encodeRecords(["forged"]);
  const forged = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), records]);
  sealBatch(forged, forged.length, { seed: checksumSeed(made.nonce), baseOffset: middle, count: 1, time: 0 });
  edit(fs, segmentPath(first), (content) => Buffer.concat([content, forged]));
  await expectMissing(made, fs, [], "past the end");
});

test("a reader that starts after the damage does not report it; one that starts before it does", async () => {
  const made = await make();
  const fs = made.fs.copy();
  const [first] = made.whole.batches;
  flipBit(fs, segmentPath(0), (first?.byte ?? 0) + 40);
  const last = made.whole.batches.filter((batch) => batch.segment === 0).at(-1);
  edit(fs, segmentPath(0), (content) => content.subarray(0, last?.byte));
  const next = made.bases[1] ?? 0;
  for (const [from, met] of [
    [
      0,
      [
        [0, 2],
        [next - 2, next],
      ],
    ],
    [
      1,
      [
        [0, 2],
        [next - 2, next],
      ],
    ],
    [2, [[next - 2, next]]],
    [next - 1, [[next - 2, next]]],
    [next, []],
  ] as const) {
    assert.equal(ranges((await readAll(fs, from)).damage), met, `from ${from}`);
  }
});

test("a reader that starts in the gap after a segment that is cut short does not report it", async () => {
  const fs = await smallLog(["a", "b", "c", "d"]);
  const log = await openLog(fs);
  const fresh = await append(log, ["fresh"]);
  await log.close();
  const [, , third] = (await readAll(fs)).batches;
  edit(fs, segmentPath(0), (content) => content.subarray(0, third?.byte));
  for (const [from, met] of [
    [3, [[2, 4]]],
    [4, []],
    [1000, []],
  ] as const) {
    const contents = await readAll(fs, from);
    assert.equal(ranges(contents.damage), met, `from ${from}`);
    assert.equal(offsets(contents), [fresh]);
  }
});

test("inside the process, below the durable end of the newest segment: damage, and reading continues", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  for (const record of ["a", "b", "c"]) await append(log, [record]);
  const { batches } = await readAll(fs);
  const reader = log.reader(undefined);
  // Written over in place, as a stray write would.
  for (const index of [1, 2]) {
    const file = await fs.open(segmentPath(0), "update");
    await file.write(Buffer.from("!"), 0, 1, (batches[index]?.byte ?? 0) + 33);
  }
  const contents = await readOn(reader);
  assert.equal(offsets(contents), [0]);
  assert.equal(ranges(contents.damage), [[1, 3]]);
  await append(log, ["d"]);
  await readOn(reader, contents);
  assert.equal(offsets(contents), [0, 3]);
  assert.is(contents.damage.length, 1);
  await reader.close();
  await log.close();
});

test("another process, in the newest segment: a hole in front of later batches is damage, once", async () => {
  const made = await make();
  const newest = made.bases[2] ?? 0;
  const inside = made.whole.batches.filter((batch) => batch.segment === newest);
  const fs = made.fs.copy();
  flipBit(fs, segmentPath(newest), (inside[1]?.byte ?? 0) + 100);
  await expectMissing(made, fs, [[newest + 2, newest + 4]], "a hole");
});

test("all segments gone while a snapshot knew of them: met over every later opening, not by the first alone", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const witnesses = [{ source: "snapshot", logId: "a".repeat(16), offset: 7, epoch: 3 }];
  for (const round of [1, 2]) {
    const log = await openLog(fs, { witnesses });
    await append(log, ["x"]);
    await log.close();
    const { damage, records } = await readAll(fs, 7);
    assert.equal(ranges(damage), [[7, 7 + EPOCH_GAP]], `opening ${round}`);
    assert.is(records.size, round);
  }
});

test("two holes in the newest segment: another process finds both at once, and reads what is between and after", async () => {
  const fs = await smallLog(["a", "b", "c", "d", "e"]);
  const batches = (await readAll(fs)).batches.filter(({ count }) => count > 0);
  for (const at of [1, 3]) flipBit(fs, segmentPath(0), (batches[at]?.byte ?? 0) + BATCH_HEADER_BYTES + 1);
  const contents = await readAll(fs);
  assert.equal(ranges(contents.damage), [
    [1, 2],
    [3, 4],
  ]);
  assert.equal(offsets(contents), [0, 2, 4]);
});

test("the newest segment cut short: damage with no known end, once, until the next one says more", async () => {
  const made = await make();
  const newest = made.bases[2] ?? 0;
  const fs = made.fs.copy();
  const inside = made.whole.batches.filter((batch) => batch.segment === newest);
  edit(fs, segmentPath(newest), (content) => content.subarray(0, inside[1]?.byte));
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const contents = await readOn(reader);
  assert.equal(ranges(contents.damage), [[newest + 2, undefined]]);
  for (let i = 0; i < 3; i++) await readOn(reader, contents);
  assert.is(contents.damage.length, 1);
  const log = await openLog(fs);
  const fresh = await append(log, ["fresh"]);
  await readOn(reader, contents);
  assert.is(contents.records.get(fresh), "fresh");
  assert.is(contents.damage.at(-1)?.to, log.recovery.baseOffset);
  await reader.close();
  await log.close();
});

test("damage is described by file, byte, offset, expected and found", async () => {
  const made = await make();
  const fs = made.fs.copy();
  flipBit(fs, segmentPath(0), 4096 + 100);
  const [damage] = (await readAll(fs)).damage;
  if (damage === undefined) throw new Error("none");
  const line = describeDamage(damage);
  assert.match(
    line,
    /^0{20}\.log byte 4096, offsets 0 to 2: expected batch checksum 0x[0-9a-f]{8}, found 0x[0-9a-f]{8}$/,
  );
  assert.is(segments(fs).length, 3);
});

test("thousands of forged batches inside one another: the search after them is given up, as damage, and ends soon", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs, { segmentBytes: 512 * 1024 });
  for (const record of ["a", "b"]) await append(log, [record]);
  const end = (await readAll(fs)).batches.at(-1)?.endByte ?? 0;
  const killed = fs.kill();
  const forged = Buffer.alloc(BATCH_HEADER_BYTES);
  edit(killed, segmentPath(0), (content) => {
    for (let at = end + 1; at + forged.length <= content.length; at += forged.length) {
      sealBatch(forged, forged.length, { seed: 1, baseOffset: 2, count: 1, time: 0 });
      forged.writeUInt32LE(content.length - at, 4);
      forged.copy(content, at);
    }
    return content;
  });
  const before = killed.content(segmentPath(0));
  const next = await openLog(killed);
  assert.equal(ranges(next.damage), [[2, undefined]]);
  assert.match(next.damage[0]?.found ?? "", "given up");
  const fresh = await append(next, ["fresh"]);
  const contents = await readAll(killed);
  assert.equal([...contents.records.values()], ["a", "b", "fresh"]);
  assert.equal(ranges(contents.damage), [[2, fresh]]);
  await next.close();
  assert.equal(killed.content(segmentPath(0)), before, "the bytes stay as they are");
  let read = 0;
  killed.interfere(({ kind, path }) => {
    if (kind === "read" && path === segmentPath(0)) read++;
    return undefined;
  });
  await readAll(killed);
  assert.ok(read < 1000, `${read} reads of a file of 512 KiB`);
});

test.run();
