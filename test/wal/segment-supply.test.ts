import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { append, codeOf, openLog, readAll, readOn, SMALL_SEGMENT } from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";
import { systemError } from "../support/memory-handle.js";

/** The disk is full: met where a segment is prepared, never in a batch. */

const big = (name: string) => name.padEnd(25_000, "-");

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (holds()) return;
    await wait(10);
  }
  throw new Error("it never came true");
}

test("full while the log runs: what fits still goes through, the rest is refused, and it resumes with room", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  fs.capacity = SMALL_SEGMENT + 4000;
  const failures: unknown[] = [];
  const log = await openLog(fs, { onFailure: (error) => failures.push(error) });
  const offsets = [await append(log, [big("a")])];
  await until(() => log.refusal(SMALL_SEGMENT) !== undefined);
  offsets.push(await append(log, [big("b")]));
  assert.is(await codeOf(append(log, [big("refused")])), "DISK_FULL");
  assert.is(log.refusal(25_000)?.code, "DISK_FULL");
  assert.is(log.refusal(100), undefined, "a small one fits");
  offsets.push(await append(log, ["c"]));
  assert.is(fs.names("/log").includes("prepared.tmp"), false, "half a segment is not left");

  fs.capacity = Number.POSITIVE_INFINITY;
  await until(() => log.refusal(25_000) === undefined);
  offsets.push(await append(log, [big("d")]));
  await log.close();
  assert.equal(offsets, [0, 1, 2, 3], "what was refused took no offset");
  const { records, damage } = await readAll(fs);
  assert.equal(
    [...records.values()].map((record) => record.slice(0, 1)),
    ["a", "b", "c", "d"],
  );
  assert.equal([damage, failures], [[], []]);
});

test("full in the middle of a batch of many: each group is in the log or refused, never both, never neither", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  fs.capacity = SMALL_SEGMENT;
  const log = await openLog(fs);
  const outcomes = new Map<string, string>();
  const sizes = [20_000, 20_000, 30_000, 10, 20_000, 40, 5000, 60_000, 3, 100_000, 1];
  // The first waves meet the full disk while they are under way.
  for (let wave = 0; wave < 3; wave++) {
    await Promise.all(
      sizes.map(async (size, i) => {
        const record = `${wave}.${i}`.padEnd(size, "#");
        outcomes.set(record, await codeOf(append(log, [record])));
      }),
    );
  }
  await log.close();
  const { records } = await readAll(fs);
  const inLog = new Set(records.values());
  assert.is(inLog.size, records.size);
  let done = 0;
  for (const [record, outcome] of outcomes) {
    assert.ok(outcome === "done" || outcome === "DISK_FULL", outcome);
    assert.is(inLog.has(record), outcome === "done", `${record.slice(0, 6)} ${outcome}`);
    if (outcome === "done") done++;
  }
  assert.ok(done >= 3 && done < outcomes.size, `${done} of ${outcomes.size}`);
});

test("full at opening: it opens, shows what there is without damage, refuses, and accepts once there is room", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const first = await openLog(fs);
  await append(first, ["a", "b"]);
  await first.close();
  fs.capacity = SMALL_SEGMENT;
  const log = await openLog(fs);
  assert.is(await codeOf(append(log, ["refused"])), "DISK_FULL");
  const reader = log.reader(undefined);
  const shown = await readOn(reader);
  assert.equal([[...shown.records.keys()], shown.damage], [[0, 1], []]);
  fs.capacity = Number.POSITIVE_INFINITY;
  await until(() => log.refusal(1) === undefined);
  const offset = await append(log, ["c"]);
  await readOn(reader, shown);
  assert.equal([[...shown.records.keys()], shown.damage], [[0, 1, offset], []]);
  await reader.close();
  await log.close();
  assert.equal((await readAll(fs)).damage, []);
});

test("no room for a group larger than a segment: only that one is refused for long", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  fs.capacity = 3 * SMALL_SEGMENT;
  const log = await openLog(fs);
  await append(log, ["a"]);
  assert.is(await codeOf(append(log, ["x".repeat(400_000)])), "DISK_FULL");
  await until(() => log.refusal(60_000) === undefined);
  await append(log, [big("b"), big("c")]);
  assert.equal((await readAll(fs)).damage, []);
  await log.close();
  assert.is((await readAll(fs)).records.size, 3);
});

test("a quota is a full disk too, and any other reason that preparing fails for refuses as well", async () => {
  for (const [code, words] of [
    ["EDQUOT", "the disk is full"],
    ["EIO", "cannot create a file"],
  ] as const) {
    const fs = new MemoryFileSystem({ durableWrites: true });
    const free = fs.interfere((operation) =>
      operation.kind === "write" && operation.path.endsWith("prepared.tmp") ? { error: systemError(code) } : undefined,
    );
    const log = await openLog(fs);
    const refusal = log.refusal(1);
    assert.is(refusal?.code, "DISK_FULL");
    assert.ok(refusal?.message.includes(words), refusal?.message);
    free();
    await until(() => log.refusal(1) === undefined);
    assert.type(await append(log, ["a"]), "number");
    await log.close();
  }
});

test("closing while a segment is being prepared leaves no prepared.tmp", async () => {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  await append(log, [big("a")]);
  await append(log, [big("b")]);
  // This one takes the spare, so that the next is being prepared when the log is closed.
  const third = append(log, [big("c")]);
  await log.close();
  assert.type(await third, "number");
  assert.is(fs.names("/log").includes("prepared.tmp"), false);
});

test.run();
