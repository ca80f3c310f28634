import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { HitsError } from "../../src/errors.js";
import { BATCH_HEADER_BYTES, MAX_BATCH_BYTES } from "../../src/wal/format.js";
import { append, codeOf, encodeRecords, last, openLog, readAll, SMALL_SEGMENT } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

/** Holds back the n-th write to a segment until it is let go. */
function holdWrite(fs: MemoryFileSystem, nth: number) {
  let release: () => void = () => undefined;
  let reached: () => void = () => undefined;
  const atWrite = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  fs.onNth("write", ".log", nth, async () => {
    reached();
    await released;
    return undefined;
  });
  return { atWrite, release };
}

for (const durableWrites of [true, false]) {
  test(`at the moment of the acknowledgement a power cut loses nothing, ${durableWrites ? "O_DSYNC" : "write and sync"}`, async () => {
    const fs = new MemoryFileSystem({ durableWrites });
    const log = await openLog(fs);
    const disks: [string, MemoryFileSystem][] = [];
    const hits = Array.from({ length: 40 }, (_, i) => `hit-${i}`.padEnd(4000, "-"));
    // One after another and at once, across three segments.
    for (let i = 0; i < hits.length; i += 4) {
      await Promise.all(
        hits.slice(i, i + 4).map(
          (hit) =>
            new Promise<void>((resolve, reject) =>
              log.append({
                bytes: encodeRecords([hit]),
                count: 1,
                durable: () => {
                  disks.push([hit, fs.crash("lost")]);
                  resolve();
                },
                failed: reject,
              }),
            ),
        ),
      );
    }
    await log.close();
    assert.is(disks.length, 40);
    for (const [hit, disk] of disks) {
      assert.ok([...(await readAll(disk)).records.values()].includes(hit), `${hit.slice(0, 8)} was acknowledged`);
    }
  });
}

test("one batch is being written; all that arrives meanwhile is the next, in order, with contiguous offsets", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const held = holdWrite(fs, 1);
  const acknowledged: number[] = [];
  const note = (first: number) => acknowledged.push(first);
  const first = append(log, ["a"]).then(note);
  await held.atWrite;
  const rest = [["b", "c"], ["d"], ["e", "f", "g"]].map((records) => append(log, records).then(note));
  await wait(5);
  assert.equal(acknowledged, [], "nothing is acknowledged before the write is done");
  assert.is(log.end, 0);
  held.release();
  await Promise.all([first, ...rest]);
  assert.equal(acknowledged, [0, 1, 3, 4]);
  assert.is(log.end, 7);
  const { batches, records } = await readAll(fs);
  assert.equal(
    batches.map((batch) => batch.count),
    [1, 6],
  );
  assert.equal(
    [...records],
    ["a", "b", "c", "d", "e", "f", "g"].map((record, offset) => [offset, record]),
  );
  await log.close();
});

test("a group is in one batch, whatever is queued with it and however large it is", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const groups = Array.from({ length: 60 }, (_, i) =>
    Array.from({ length: 1 + (i % 7) }, (_, j) => `${i}.${j}`.padEnd((i * 977) % 9000, "+")),
  );
  groups.push([`60.0`.padEnd(200_000, "+"), "60.1"], ["61.0"]);
  const firsts = await Promise.all(groups.map((group) => append(log, group)));
  await log.close();
  const { batches, records } = await readAll(fs);
  const starts: number[] = [];
  let offset = 0;
  for (const batch of batches) {
    starts.push(offset);
    offset += batch.count;
  }
  for (const [index, group] of groups.entries()) {
    const first = firsts[index] ?? Number.NaN;
    assert.is(first, index === 0 ? 0 : (firsts[index - 1] ?? 0) + (groups[index - 1]?.length ?? 0));
    for (const [j, record] of group.entries()) assert.is(records.get(first + j), record);
    const inside = starts.filter((start) => start > first && start < first + group.length);
    assert.equal(inside, [], `group ${index} is split`);
  }
  // The batch of 200,000 bytes got a segment of its size; the others stay as small as they are set to be.
  assert.ok(batches.every((batch) => batch.endByte - batch.byte < SMALL_SEGMENT || batch.count >= 2));
});

test("a group larger than a segment, as the very first, does not touch the empty segment that is there", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const reader = log.reader(undefined);
  assert.ok("end" in (await reader.next()));
  const offset = await append(log, ["x".repeat(100_000)]);
  await append(log, ["y"]);
  await log.close();
  for (const contents of [await readAll(fs), await readAll(fs.crash("lost"))]) {
    assert.equal([...contents.records.keys()], [offset, offset + 1]);
    assert.equal(contents.damage, []);
  }
  const step = await reader.next();
  assert.ok("batch" in step && step.batch.baseOffset === offset, "a reader that was there follows");
  await reader.close();
});

test("more than a batch can hold is refused before anything is queued", async () => {
  const log = await openLog(new MemoryFileSystem({ durableWrites: true }));
  const group = (bytes: number, count: number) => ({
    bytes: new Uint8Array(bytes),
    count,
    durable: () => undefined,
    failed: () => undefined,
  });
  const tooMuch = MAX_BATCH_BYTES - BATCH_HEADER_BYTES + 1;
  for (const bad of [group(tooMuch, 1), group(10, 0), group(10, 2 ** 20)]) {
    const thrown = codeOf(Promise.resolve().then(() => log.append(bad)));
    assert.is(await thrown, "BODY_TOO_LARGE");
  }
  assert.is(log.queuedBytes, 0);
  await log.close();
});

test("the queue is bounded: QUEUE_FULL, with nothing queued, and room again afterwards", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs, { maxQueuedBytes: 100 });
  const held = holdWrite(fs, 1);
  // One that is larger than the bound alone still passes an empty queue.
  const first = append(log, ["a".repeat(200)]);
  await held.atWrite;
  const before = log.queuedBytes;
  assert.is(await codeOf(append(log, ["b"])), "QUEUE_FULL");
  assert.is(log.refusal(1)?.code, "QUEUE_FULL");
  assert.is(log.queuedBytes, before);
  held.release();
  await first;
  await wait(1);
  assert.is(log.queuedBytes, 0);
  assert.is(await append(log, ["b"]), 1);
  await log.close();
  assert.equal([...(await readAll(fs)).records.keys()], [0, 1]);
});

test("closing drains, seals, and then refuses", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  const waiting = [append(log, ["a"]), append(log, ["b"])];
  const closing = log.close();
  assert.is(await codeOf(append(log, ["c"])), "CLOSING");
  await closing;
  assert.equal(await Promise.all(waiting), [0, 1]);
  assert.is(await codeOf(append(log, ["c"])), "CLOSING");
  const { batches } = await readAll(fs);
  assert.is(last(batches).count, 0, "a seal");
  assert.is(fs.names("/log").includes("prepared.tmp"), false);
  assert.is(log.close(), closing, "once");
});

test("idle: one seal, and no second one", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await append(log, ["a"]);
  await wait(500);
  const counts = (await readAll(fs)).batches.map((batch) => batch.count);
  assert.equal(counts, [1, 0]);
  await append(log, ["b"]);
  await log.close();
  assert.equal(
    (await readAll(fs)).batches.map((batch) => batch.count),
    [1, 0, 1, 0],
  );
});

test("a seal that fails is a failed write: final", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const failures: HitsError[] = [];
  const log = await openLog(fs, { onFailure: (error) => failures.push(error) });
  await append(log, ["a"]);
  fs.onNth("write", ".log", 1, () => ({ error: systemError("EIO") }));
  await wait(300);
  assert.equal(
    failures.map((error) => error.code),
    ["LOG_FAILED"],
  );
  assert.is(await codeOf(append(log, ["b"])), "LOG_FAILED");
  await log.close();
  assert.equal([...(await readAll(fs)).records.values()], ["a"]);
});

test.run();
