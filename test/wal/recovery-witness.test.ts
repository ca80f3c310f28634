import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EPOCH_GAP, encodeSegmentHeader, HEADER_BYTES } from "../../src/wal/format.js";
import type { Witness } from "../../src/wal/recovery.js";
import { readSegmentHeader } from "../../src/wal/segment-header.js";
import { checkOpening } from "../support/log-checks.js";
import {
  append,
  appendEach,
  codeOf,
  directoryOn,
  edit,
  flipBit,
  last,
  openLog,
  readAll,
  segments,
  smallLog,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

/** What snapshots and checkpoints know, log ids, and headers that can't be read. */

const RECORDS = ["a", "b", "c", "d"];
const records = new Map(RECORDS.map((record, offset) => [offset, record]));

async function idOf(fs: MemoryFileSystem): Promise<string> {
  const decoded = await readSegmentHeader(directoryOn(fs), 0);
  return "header" in decoded ? decoded.header.logId : "";
}

function witness(logId: string | undefined, offset: number, epoch = 1): Witness {
  return { source: "the snapshot 12.json", logId, offset, epoch };
}

function fill(fs: MemoryFileSystem, from: number, to: number): void {
  edit(fs, last(segments(fs)), (content) => content.fill(0, from, to));
}

test("a snapshot past the end of the log: damage from the end to its offset", async () => {
  const fs = await smallLog(RECORDS);
  const recovery = await checkOpening(fs, { records, damaged: true }, "beyond", {
    witnesses: [witness(await idOf(fs), 9)],
  });
  assert.equal([recovery.damage[0]?.from, recovery.damage[0]?.to], [4, 9]);
  assert.ok(recovery.baseOffset >= 9 + EPOCH_GAP);
  const met = (await readAll(fs)).damage;
  assert.equal(
    met.map(({ from, to }) => [from, to]),
    [[4, 9]],
  );
});

test("the last batch torn: below a snapshot's offset it is damage, else a torn tail", async () => {
  const whole = await readAll(await smallLog(RECORDS));
  const lastBatch = last(whole.batches.filter((batch) => batch.count > 0));
  for (const [offset, damaged] of [
    [0, false],
    [3, false],
    [4, true],
  ] as const) {
    const fs = await smallLog(RECORDS);
    fill(fs, lastBatch.byte, 65536);
    const left = new Map([...records].slice(0, 3));
    const witnesses = [witness(await idOf(fs), offset)];
    await checkOpening(fs, { records: left, damaged }, `snapshot at ${offset}`, { witnesses });
  }
});

test("an offset of a snapshot is not damage if the segments have it, whatever came after", async () => {
  const fs = await smallLog(RECORDS);
  await checkOpening(fs, { records, damaged: false }, "at the end", { witnesses: [witness(await idOf(fs), 4)] });
});

test("no segment, but a witness: damage, past its offset and epoch, with its log id", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const witnesses = [witness("0123456789abcdef", 1000, 7)];
  const log = await openLog(fs, { witnesses });
  assert.is(log.id, "0123456789abcdef");
  assert.is(log.epoch, 8);
  assert.is(log.damage.length, 1);
  assert.is(await append(log, ["new"]), 1000 + EPOCH_GAP);
  await log.close();
  const again = await openLog(fs, { witnesses });
  assert.equal(again.recovery.damage, []);
  assert.equal([...(await readAll(fs)).records.values()], ["new"]);
  await again.close();
});

test("all segments deleted under a log: its snapshot proves it, nothing is made up", async () => {
  const fs = await smallLog(RECORDS);
  const id = await idOf(fs);
  for (const file of segments(fs)) fs.remove(file);
  const log = await openLog(fs, { witnesses: [witness(id, 4, 1)] });
  assert.is(log.id, id);
  assert.is(log.damage.length, 1);
  assert.ok((await append(log, ["e"])) >= 4 + EPOCH_GAP);
  await log.close();
});

test("a log id that nothing can say: refused, nothing changed", async () => {
  const fs = await smallLog(RECORDS);
  flipBit(fs, last(segments(fs)), 20);
  const before = fs.content(last(segments(fs)));
  const changes = fs.record.length;
  assert.is(await codeOf(openLog(fs)), "LOG_ID_UNKNOWN");
  assert.is(await codeOf(openLog(fs, { witnesses: [witness(undefined, 0)] })), "LOG_ID_UNKNOWN");
  assert.ok(before.equals(fs.content(last(segments(fs)))));
  assert.equal(
    fs.record.slice(changes).filter((done) => done.kind !== "open"),
    [],
  );
});

test("two logs in one directory: refused", async () => {
  const fs = await smallLog(RECORDS);
  assert.is(await codeOf(openLog(fs, { witnesses: [witness("zzzzzzzzzzzzzzzz", 1)] })), "LOG_ID_CONFLICT");
  const witnesses = [witness("aaaaaaaaaaaaaaaa", 1), witness("bbbbbbbbbbbbbbbb", 1)];
  assert.is(await codeOf(openLog(new MemoryFileSystem({ durableWrites: true }), { witnesses })), "LOG_ID_CONFLICT");
});

test("another format version is no damage: refused, for opening and for readers", async () => {
  const fs = await smallLog(RECORDS);
  edit(fs, last(segments(fs)), (content) => {
    const decoded = encodeSegmentHeader({
      logId: "0123456789abcdef",
      epoch: 1,
      nonce: "00112233aabbccdd",
      baseOffset: 0,
      preparedSize: content.length,
      created: 0,
      previous: undefined,
    });
    decoded.copy(content, 0);
    content.writeUInt32LE(2, 8);
    content.writeUInt32LE(crc32(content.subarray(0, 96)), 96);
    return content;
  });
  assert.is(await codeOf(openLog(fs)), "LOG_FORMAT");
  assert.is(await codeOf(readAll(fs)), "LOG_FORMAT");
});

test("every bit of the newest header: damage, ingest continues, and the id comes from an older segment", async () => {
  const fs0 = await smallLog(RECORDS);
  const second = await openLog(fs0);
  const [lost] = await appendEach(second, ["e"]);
  await second.close();
  for (let bit = 0; bit < 100 * 8; bit += 7) {
    const fs = fs0.copy();
    flipBit(fs, last(segments(fs)), bit >> 3, bit & 7);
    const recovery = await checkOpening(fs, { records, damaged: true }, `bit ${bit}`);
    assert.ok(recovery.baseOffset > (lost ?? 0) + EPOCH_GAP && recovery.logId === second.id);
    const met = (await readAll(fs)).damage.find((damage) => damage.from === lost);
    assert.ok(met?.to !== undefined && met.to > met.from, `bit ${bit}: the range that is missing isn't empty`);
  }
});

test("a newest header that can't be read, and a witness further than its segment can hold: offsets begin past it", async () => {
  const fs = await smallLog(RECORDS);
  const second = await openLog(fs);
  await appendEach(second, ["e"]);
  await second.close();
  flipBit(fs, last(segments(fs)), 20, 0);
  const far = 2 ** 34;
  const log = await openLog(fs, { witnesses: [witness(second.id, far, 7)] });
  assert.ok(log.recovery.baseOffset >= far + EPOCH_GAP, `${log.recovery.baseOffset}`);
  assert.is(log.epoch, 8);
  await log.close();
});

test("a newest file of no length: offsets and epochs that it may have held are not used again", async () => {
  const fs = await smallLog(RECORDS);
  // Openings without a hit leave no file that would know of their epochs.
  let epoch = 0;
  for (let i = 0; i < 5; i++) {
    const log = await openLog(fs);
    epoch = log.epoch;
    if (i === 4) await append(log, ["lost"]);
    await log.close();
  }
  const base = last(segments(fs));
  edit(fs, base, () => Buffer.alloc(0));
  const log = await openLog(fs);
  assert.ok(log.epoch > epoch, `epoch ${log.epoch} after ${epoch}`);
  // A segment of 64 MiB can hold far more records than the gap of one epoch.
  const lostBase = Number(/(\d+)\.log$/.exec(base)?.[1]);
  assert.ok(log.recovery.baseOffset - lostBase > 64 * 1024 * 1024);
  await log.close();
});

test("only the header left of the newest: damage", async () => {
  const fs = await smallLog(RECORDS);
  edit(fs, last(segments(fs)), (content) => content.subarray(0, HEADER_BYTES));
  await checkOpening(fs, { records: new Map(), damaged: true }, "header only");
});

test("the newest segment deleted: what came before is too short for the end of a log", async () => {
  const fs = await smallLog(RECORDS);
  const log = await openLog(fs);
  await append(log, ["e"]);
  await log.close();
  fs.remove(last(segments(fs)));
  await checkOpening(fs, { records, damaged: true }, "newest deleted");
});

test.run();
