import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { BATCH_HEADER_BYTES } from "../../src/wal/format.js";
import type { BatchTiming } from "../../src/wal/group-commit.js";
import { append, codeOf, encodeRecords, openLog, readAll, SMALL_SEGMENT } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

const HELD_MS = 40;
/** A timer may fire a little before its time. */
const AT_LEAST_MS = 35;

test("each batch is reported once, with its records and bytes, the time of its write, and the wait of each group", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const reported: BatchTiming[] = [];
  const log = await openLog(fs, { onBatch: (batch) => reported.push(batch) });
  let reached: () => void = () => undefined;
  const atWrite = new Promise<void>((resolve) => {
    reached = resolve;
  });
  fs.onNth("write", ".log", 1, async () => {
    reached();
    await wait(HELD_MS);
    return undefined;
  });
  const groups = [["a"], ["b", "c"], ["d"], ["e", "f", "g"]];
  const [first = [], ...others] = groups;
  const writing = append(log, first);
  await atWrite;
  const early = append(log, others[0] ?? []);
  await wait(HELD_MS / 2);
  await Promise.all([writing, early, ...others.slice(1).map((group) => append(log, group))]);
  await log.close();

  assert.equal(
    reported.map(({ records, waitsMs }) => [records, waitsMs.length]),
    [
      [1, 1],
      [6, 3],
    ],
    "the seal is no batch of records",
  );
  assert.equal(
    reported.map(({ bytes }) => bytes),
    [first, others.flat()].map((records) => BATCH_HEADER_BYTES + encodeRecords(records).length),
  );
  const [held, next] = reported;
  assert.ok(held !== undefined && next !== undefined);
  assert.ok(held.writeMs >= AT_LEAST_MS, `${held.writeMs} ms`);
  assert.ok((held.waitsMs[0] ?? 0) >= held.writeMs, "a group waits for all of its own write");
  const [longest = 0, ...later] = next.waitsMs;
  assert.ok(longest >= AT_LEAST_MS, "and for the write that was under way when it came");
  for (const one of later)
    assert.ok(one >= next.writeMs && longest - one >= HELD_MS / 2 - 5, `${one} of ${longest} ms`);
});

test("over many segments and split batches, groups and waits stay together", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const reported: BatchTiming[] = [];
  const log = await openLog(fs, { onBatch: (batch) => reported.push(batch) });
  const group = ["x".repeat(SMALL_SEGMENT / 5), "y"];
  await Promise.all(Array.from({ length: 23 }, () => append(log, group)));
  await log.close();
  const batches = (await readAll(fs)).batches.filter(({ count }) => count > 0);
  assert.ok(batches.length > 3, "the queue was taken in several batches");
  assert.equal(
    reported.map(({ records, bytes, waitsMs }) => [records, bytes, waitsMs.length]),
    batches.map(({ count, byte, endByte }) => [count, endByte - byte, count / 2]),
  );
  assert.ok(reported.every(({ waitsMs, writeMs }) => waitsMs.every((one) => one >= writeMs)));
});

test("a failed write is not reported as a batch", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const reported: number[] = [];
  const log = await openLog(fs, { onBatch: ({ records }) => reported.push(records) });
  await append(log, ["a"]);
  fs.onNth("write", ".log", 1, () => ({ error: systemError("EIO") }));
  assert.is(await codeOf(append(log, ["b", "c"])), "LOG_FAILED");
  await log.close();
  assert.equal(reported, [1]);
});

test.run();
