import { test } from "uvu";
import * as assert from "uvu/assert";
import { MissingRanges, readMissingRanges, writeMissingRanges } from "../../src/wal/missing-ranges.js";
import { MISSING_NAME, segmentName } from "../../src/wal/segment-name.js";
import { DIRECTORY, directoryOn, flipBit, last, readAll, smallLog } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { missingRange } from "../support/missing.js";

const FILE = segmentName(0);

test("ranges are read back as they were written, in the order of offsets; each list has a version of its own", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory(DIRECTORY);
  assert.equal(await readMissingRanges(directoryOn(fs)), MissingRanges.none);
  const late = missingRange(50, 60, { settled: false, found: 'ünïcode "}' });
  const early = missingRange(3, 10, { restoredRecords: [{ offset: 4, record: Buffer.from([1, 200]) }] });
  const written = await writeMissingRanges(directoryOn(fs), [late, early]);
  const read = await readMissingRanges(directoryOn(fs));
  assert.equal(read, written);
  assert.equal(read.ranges, [early, late]);
  assert.is(read.firstUnsettled, 50);
  await writeMissingRanges(directoryOn(fs), [early]);
  assert.is.not((await readMissingRanges(directoryOn(fs))).version, read.version);
});

test("a flipped bit anywhere in the list is noticed, and then nothing counts as written down", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  await fs.makeDirectory(DIRECTORY);
  await writeMissingRanges(directoryOn(fs), [missingRange(3, 10)]);
  const file = `${DIRECTORY}/${MISSING_NAME}`;
  // The last byte is the line's end.
  for (let byte = 0; byte < fs.content(file).length - 2; byte++) {
    flipBit(fs, file, byte);
    const read = await readMissingRanges(directoryOn(fs));
    assert.ok(read.damaged !== undefined && read.ranges.length === 0, `byte ${byte}`);
    flipBit(fs, file, byte);
  }
  assert.is((await readMissingRanges(directoryOn(fs))).ranges.length, 1);
});

test("damage is covered where all of its offsets are written down, by one range or by several", () => {
  const missing = new MissingRanges([missingRange(0, 10), missingRange(10, 20), missingRange(30, 40, { byte: 9000 })]);
  const covers = (from: number, to: number | undefined, byte = 5000) => missing.covers({ file: FILE, byte, from, to });
  assert.equal([covers(0, 20), covers(5, 15), covers(30, 40), covers(35, 36)], [true, true, true, true]);
  assert.equal([covers(0, 21), covers(15, 35), covers(20, 30), covers(40, 41)], [false, false, false, false]);
  assert.equal([covers(5, undefined), covers(20, undefined), covers(5, 5), covers(25, 25)], [true, false, true, false]);
  assert.equal(missing.uncovered(5, 45), [
    { from: 20, to: 30 },
    { from: 40, to: 45 },
  ]);
  assert.equal([missing.endOfMissing(0), missing.endOfMissing(25), missing.endOfMissing(39)], [20, 25, 40]);
});

test("an open end goes up to the next segment, wherever that begins; an empty range is known by its place", () => {
  const missing = new MissingRanges([
    missingRange(5, 100, { open: true, byte: 77 }),
    missingRange(3, 3, { byte: 500 }),
  ]);
  const covers = (byte: number, from: number, to: number) => missing.covers({ file: FILE, byte, from, to });
  assert.equal([covers(77, 5, 9999), covers(78, 5, 9999), covers(77, 6, 9999)], [true, false, false]);
  assert.equal([covers(500, 3, 3), covers(501, 3, 3), covers(500, 3, 4)], [true, false, false]);
});

test("in place of damage that is written down comes what stands for it, once, from wherever it is read", async () => {
  const fs = await smallLog(["a", "b", "c", "d", "e"]);
  const batches = (await readAll(fs)).batches.filter(({ count }) => count > 0);
  for (const at of [1, 3]) flipBit(fs, `${DIRECTORY}/${FILE}`, (batches[at]?.byte ?? 0) + 33);
  assert.is((await readAll(fs)).damage.length, 2);
  const record = Buffer.from([1, 66]);
  await writeMissingRanges(directoryOn(fs), [
    missingRange(1, 2, { restoredRecords: [{ offset: 1, record }] }),
    missingRange(3, 4, { restoredRecords: [] }),
  ]);
  const { records, damage, batches: now } = await readAll(fs);
  assert.equal(damage, []);
  assert.equal(
    [...records],
    [
      [0, "a"],
      [1, "B"],
      [2, "c"],
      [4, "e"],
    ],
  );
  assert.equal(
    now.map(({ count }) => count),
    [1, 1, 0, 1, 0, 1, 0],
  );
  assert.equal([...(await readAll(fs, 2)).records.keys()], [2, 4]);
  assert.equal([...(await readAll(fs, 1)).records.keys()], [1, 2, 4]);
  flipBit(fs, `${DIRECTORY}/${FILE}`, last(batches).byte + 33);
  assert.is((await readAll(fs)).damage.length, 1, "damage that is not written down is met as ever");
});

test("records before the first segment may be gone where that is written down", async () => {
  const fs = await smallLog(["a"]);
  const { openLog, append, segments } = await import("../support/log-files.js");
  const log = await openLog(fs);
  const offset = await append(log, ["z"]);
  await log.close();
  fs.remove(segments(fs)[0] ?? "");
  const gone = await readAll(fs, 0).catch((error: { code: string }) => error.code);
  assert.is(gone, "OFFSET_GONE");
  await writeMissingRanges(directoryOn(fs), [
    missingRange(0, 1, { restoredRecords: [{ offset: 0, record: Buffer.from([1, 65]) }] }),
  ]);
  assert.equal(
    [...(await readAll(fs, 0)).records],
    [
      [0, "A"],
      [offset, "z"],
    ],
  );
});

test.run();
