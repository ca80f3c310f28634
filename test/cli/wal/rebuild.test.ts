import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dayOf } from "../../../src/projection/series/days.js";
import { readSnapshots, writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import { Totals } from "../../../src/projection/totals.js";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { takeLock } from "../../../src/wal/lock.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { readHeaderIfThere } from "../../../src/wal/segment-header.js";
import { LocalLog } from "../../support/local-log.js";
import { append, bulky, flipByte, inDirectory, openLog, rotatedLog, segments, snapshot, wal } from "./harness.js";
import { counts, files, serves } from "./repair-harness.js";

/** A snapshot that passes its checksums and is wrong. */
async function wrongSnapshot(directory: string, offset: number, wrong: Record<string, number>): Promise<string> {
  const totals = new Totals();
  for (const [name, count] of Object.entries(wrong)) totals.add(totals.indexOf(name), count);
  const header = await readHeaderIfThere(new LogDirectory(directory), 0);
  if (header === undefined) throw new Error("no header");
  const { logId, epoch, nonce } = header;
  const facts = { logId, epoch, nonce, offset, created: new Date().toISOString(), asOf: null, damage: [] };
  return await writeSnapshot(new LogDirectory(directory), { facts, image: totals.image() });
}

test("local: nothing differs, nothing is written", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    const before = files(directory);
    for (const args of [[], ["--yes"]]) {
      const { status, stdout } = await wal(directory, "rebuild", "local", ...args);
      assert.is(status, 0);
      assert.is(stdout, "nothing differs: 1 snapshot compared (400 hits of 2 counters, log read from 0 to 400)\n");
    }
    assert.equal(files(directory), before);
  });
});

test("local: snapshots with wrong totals are shown, and replaced", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const low = await wrongSnapshot(directory, 380, { a: 200, b: 170 });
    const high = await wrongSnapshot(directory, 400, { a: 200, b: 200, ghost: 9 });
    assert.equal((await counts(directory)).counters, { a: 200, b: 200, ghost: 9 });
    const before = files(directory);
    const dry = await wal(directory, "rebuild", "local");
    assert.is(dry.status, 1);
    assert.equal(files(directory), before);
    assert.match(dry.stdout, new RegExp(`differs: snapshot ${low}, offset 380: b has 170, the log 180`));
    assert.match(dry.stdout, new RegExp(`differs: snapshot ${high}, offset 400: ghost has 9, the log 0`));
    assert.is((await wal(directory, "rebuild", "local", "--yes")).status, 0);
    assert.match((await wal(directory, "rebuild", "local")).stdout, /^nothing differs/);
    assert.equal(readdirSync(path.join(directory, "snapshots")), [high], "made again at the log's end");
    assert.is(readdirSync(path.join(directory, "quarantine")).length, 4);
    await serves(directory, { a: 200, b: 200, ghost: 0 });
  });
});

test("local: a damaged log is to be repaired first, and then nothing differs", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    await snapshot(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    const { status, stderr } = await wal(directory, "rebuild", "local", "--yes");
    assert.is(status, 1);
    assert.match(stderr, /wal repair first/);
    await wal(directory, "repair", "--yes");
    assert.match((await wal(directory, "rebuild", "local")).stdout, /^nothing differs: 1 snapshot compared \(400 hits/);
  });
});

/** All days of a counter together, as the newest snapshot has them, or the log read from its birth. */
async function ofAllDays(directory: string, counter: string): Promise<number> {
  const run = await LocalLog.open(directory);
  const { totals } = run.local;
  const { series } = totals ?? {};
  let sum = 0;
  for (const day of series?.days() ?? []) sum += series?.count(totals?.find(counter), day) ?? 0;
  assert.is(series?.since, undefined);
  await run.close();
  return sum;
}

test("local: the new snapshot has hours and days as the log has them", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    const at = Date.UTC(2026, 0, 2, 3);
    await append(log, [{ counter: "a", n: 3, at }]);
    await append(log, [{ counter: "a", n: 2, at: at + 86_400_000 }]);
    await log.close();
    const wrong = await wrongSnapshot(directory, 2, { a: 4 });
    assert.is((await wal(directory, "rebuild", "local", "--yes")).status, 0);
    for await (const { file, totals } of readSnapshots(new LogDirectory(directory))) {
      assert.is(file, wrong);
      const day = dayOf(at);
      assert.equal([totals?.series.count(0, day), totals?.series.count(0, day + 1), totals?.count("a")], [3, 2, 5]);
      assert.is(totals?.series.hour(0, at), 3);
    }
  });
});

test("hits that a repair puts in the place of lost ones are of some day, too", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const file = await snapshot(directory);
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    assert.is((await wal(directory, "repair", "--yes")).status, 0);
    assert.equal([await ofAllDays(directory, "a"), await ofAllDays(directory, "b")], [200, 200]);
    rmSync(file);
    assert.equal([await ofAllDays(directory, "a"), await ofAllDays(directory, "b")], [200, 200]);
  });
});

test("a snapshot made by a repair counts restored hits on the day of the repair", async () => {
  await inDirectory(async (directory) => {
    const log = await openLog(directory);
    for (let batch = 0; batch < 10; batch++) await append(log, bulky("a", 20));
    await snapshot(directory);
    await append(log, bulky("b", 20));
    await log.close();
    flipByte(segments(directory)[0], HEADER_BYTES + 100);
    await snapshot(directory);
    assert.is((await wal(directory, "repair", "--yes")).status, 0);
    for await (const { totals } of readSnapshots(new LogDirectory(directory))) {
      assert.equal([totals?.count("a"), totals?.count("b")], [200, 20], "the one that lacked hits is gone");
      break;
    }
    assert.equal([await ofAllDays(directory, "a"), await ofAllDays(directory, "b")], [200, 20]);
  });
});

test("refused while a server has the log, and for what is no projection", async () => {
  await inDirectory(async (directory) => {
    await rotatedLog(directory);
    const lock = await takeLock(directory);
    const { status, stderr } = await wal(directory, "rebuild", "local", "--yes");
    assert.is(status, 1);
    assert.match(stderr, /stop the server first/);
    assert.is((await wal(directory, "rebuild", "local")).status, 0);
    await lock.release();
    assert.is((await wal(directory, "rebuild", "other")).status, 64);
    assert.match((await wal(directory, "rebuild", "mongodb")).stderr, /MONGODB_URL is not set/);
  });
});

test.run();
