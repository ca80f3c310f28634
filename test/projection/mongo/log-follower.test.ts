import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeHit } from "../../../src/hit/encoding.js";
import { CounterDays } from "../../../src/projection/mongo/counter-days.js";
import { Counters } from "../../../src/projection/mongo/counters.js";
import { LogFollower } from "../../../src/projection/mongo/log-follower.js";
import { Series } from "../../../src/projection/series/series.js";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { writeMissingRanges } from "../../../src/wal/missing-ranges.js";
import { codeOf, directoryOn, edit, flipBit, openLog, segments } from "../../support/log-files.js";
import { missingRange } from "../../support/missing.js";
import { HitLog } from "./hit-log.js";

const NOTHING = { offset: 0, epoch: 0, nonce: "" };

function followerOf(
  log: HitLog,
  options: { from?: number; restored?: number; covered?: number; durable?: () => number } = {},
) {
  const { from = 0, restored = 0, covered = 0, durable } = options;
  const counters = new Counters();
  const days = new CounterDays(new Series(), counters);
  const reader = new LogReader({ directory: directoryOn(log.fs), from, durableEnd: durable });
  return {
    counters,
    follower: new LogFollower({ reader, counters, days, start: { ...NOTHING, offset: restored }, covered }),
  };
}

async function toEnd(follower: LogFollower): Promise<void> {
  while (await follower.step());
}

test("each batch once, with its epoch; a hit may stand for many", async () => {
  const log = await HitLog.open();
  const { counters, follower } = followerOf(log, { durable: () => log.log.end });
  await toEnd(follower);
  assert.equal([follower.position, follower.ends], [NOTHING, 1]);
  const first = { offset: 2, epoch: log.log.epoch, nonce: log.log.nonce };
  await log.hitAll([
    { counter: "a", n: 3 },
    { counter: "b", n: 1_000_000_000 },
  ]);
  await toEnd(follower);
  assert.equal(follower.position, first);
  await log.reopen();
  await toEnd(follower);
  assert.equal(follower.position, first, "an epoch without a hit is none yet");
  await log.hit("a", 3);
  await toEnd(follower);
  assert.equal(follower.position, { offset: log.log.end, epoch: log.log.epoch, nonce: log.log.nonce });
  assert.equal([counters.total(0), counters.total(1), counters.sum], [6, 1_000_000_000, 1_000_000_006]);
  assert.equal([counters.documents.owed, counters.confirmedSum], [2, 0]);
  await follower.close();
  await log.log.close();
});

test("inside the writer's process nothing is folded before it is durable", async () => {
  const log = await HitLog.open();
  await log.hit("a");
  await log.hit("a");
  let end = 1;
  const { counters, follower } = followerOf(log, { durable: () => end });
  await toEnd(follower);
  assert.is(counters.sum, 1);
  end = 2;
  await toEnd(follower);
  assert.is(counters.sum, 2);
  await follower.close();
  await log.log.close();
});

test("below the restored totals nothing is added again; above the checkpoint it is owed", async () => {
  const log = await HitLog.open();
  for (const counter of ["a", "b", "c", "d"]) await log.hit(counter);
  const { counters, follower } = followerOf(log, { restored: 3, covered: 1 });
  for (const counter of ["a", "b", "c"]) counters.restore(counters.indexOf(counter), 1, true);
  await toEnd(follower);
  assert.is(counters.sum, 4);
  assert.equal(
    counters.documents.owing().map((index) => counters.nameOf(index)),
    ["b", "c", "d"],
  );
  assert.is(counters.confirmedSum, 1);
  await follower.close();
  await log.log.close();
});

test("below the checkpoint and above the snapshot: already in the database", async () => {
  const log = await HitLog.open();
  for (const counter of ["a", "b", "c"]) await log.hit(counter);
  const { counters, follower } = followerOf(log, { from: 1, restored: 1, covered: 2 });
  counters.restore(counters.indexOf("a"), 1, true);
  await toEnd(follower);
  assert.equal([counters.sum, counters.confirmedSum], [3, 2]);
  assert.equal(
    counters.documents.owing().map((index) => counters.nameOf(index)),
    ["c"],
  );
  await follower.close();
  await log.log.close();
});

test("stops before damage, and stays there", async () => {
  const log = await HitLog.open();
  await log.hit("before");
  await log.hit("bad");
  await log.hit("after");
  await log.reopen();
  await log.hit("after");
  const [file = ""] = segments(log.fs);
  const bytes = log.fs.content(file);
  const at = bytes.indexOf("bad");
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  log.fs.put(file, bytes);
  const { counters, follower } = followerOf(log);
  await toEnd(follower);
  assert.equal([follower.damage?.from, follower.position.offset, counters.sum], [1, 1, 1]);
  for (let again = 0; again < 5; again++) assert.is(await follower.step(), false);
  assert.is(counters.sum, 1);
  await follower.close();
  await log.log.close();
});

test("the next segment was removed by retention: reported, not skipped", async () => {
  const log = await HitLog.open();
  await log.hit("a");
  await log.reopen();
  await log.hit("b");
  log.fs.remove(segments(log.fs)[0] ?? "");
  const { counters, follower } = followerOf(log);
  assert.is(await codeOf(follower.step()), "OFFSET_GONE");
  assert.is(counters.sum, 0);
  await follower.close();
  await log.log.close();
});

test("a missing range is passed, with its restored records, and the position moves past it", async () => {
  const log = await HitLog.open();
  for (const counter of ["a", "b", "a"]) await log.hit(counter);
  await log.log.close();
  flipBit(log.fs, segments(log.fs)[0] ?? "", HEADER_BYTES + 36);
  const record = encodeHit({ counter: "a", n: 7 });
  const range = missingRange(0, 1, { settled: false, restoredRecords: [{ offset: 0, record }] });
  await writeMissingRanges(directoryOn(log.fs), [range]);
  const waiting = followerOf(log);
  await toEnd(waiting.follower);
  assert.match(waiting.follower.damage?.found ?? "", /MongoDB has not been asked/);
  assert.equal([waiting.counters.sum, waiting.follower.position.offset], [0, 0]);

  await writeMissingRanges(directoryOn(log.fs), [{ ...range, settled: true }]);
  assert.is(await codeOf(waiting.follower.step()), "LOG_REPAIRED");
  const { counters, follower } = followerOf(log);
  assert.is(await follower.step(), true);
  assert.equal([counters.sum, follower.position.offset], [7, 1]);
  await toEnd(follower);
  assert.equal([counters.total(counters.indexOf("a")), counters.sum, follower.damage], [8, 9, undefined]);
  await follower.close();
});

test("the position is past a missing range at the log's end: a slot within it can be corrected", async () => {
  const log = await HitLog.open();
  for (const counter of ["a", "b"]) await log.hit(counter);
  await log.log.close();
  edit(log.fs, segments(log.fs)[0] ?? "", (content) => content.subarray(0, HEADER_BYTES + 10));
  await (await openLog(log.fs)).close();
  await writeMissingRanges(directoryOn(log.fs), [missingRange(0, 500, { open: true })]);
  const { follower } = followerOf(log);
  await toEnd(follower);
  assert.is(follower.position.offset, 500);
  await follower.close();
});

test.run();
