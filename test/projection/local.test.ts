import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../src/errors.js";
import { DAY_MS, dayOf, HOUR_MS } from "../../src/projection/series/days.js";
import { View } from "../../src/projection/view.js";
import { LocalLog } from "../support/local-log.js";
import { temporaryDirectory } from "../support/server-process.js";

const FOREVER = { ms: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

function snapshotFiles(directory: string): string[] {
  const folder = path.join(directory, "snapshots");
  return readdirSync(folder)
    .sort()
    .map((file) => path.join(folder, file));
}

/** Damages the totals of a snapshot: its facts stay readable. */
function damageSnapshot(file: string): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 6) ^ 1, bytes.length - 6);
  writeFileSync(file, bytes);
}

/** Makes three runs with 10, 20 and 30 hits, and a snapshot after each of the first two. */
async function threeRuns(directory: string): Promise<void> {
  for (const hits of [10, 20, 30]) {
    const run = await LocalLog.open(directory);
    await run.hit("home", hits);
    if (hits < 30) await run.local.snapshot();
    await run.close();
  }
}

test("a restart reads the newest snapshot and the rest of the log", async () => {
  const directory = temporaryDirectory();
  await threeRuns(directory);
  const run = await LocalLog.open(directory);
  assert.is(run.local.totals?.count("home"), 60);
  assert.ok(run.local.readFrom > 10, "the log before the snapshot was not read");
  assert.is(run.local.incomplete, false);
  await run.close();
});

test("hours and days follow the hit's own time, else its batch's, also after a restart", async () => {
  const directory = temporaryDirectory();
  const at = Date.UTC(2026, 0, 2, 3, 30);
  const day = dayOf(at);
  let run = await LocalLog.open(directory);
  await run.record({ counter: "home", n: 5, at });
  await run.recordAll([
    { counter: "about", n: 1, at },
    { counter: "home", n: 2, at: at + HOUR_MS, id: "one" },
  ]);
  await run.local.snapshot();
  await run.record({ counter: "home", n: 1, at: at + DAY_MS });
  const before = Date.now();
  await run.hit("home", 3);
  const after = Date.now();
  for (const when of ["written", "from the snapshot", "from the log's birth"]) {
    const series = run.local.totals?.series;
    assert.equal([series?.hour(0, at), series?.hour(0, at + HOUR_MS), series?.count(0, day)], [5, 2, 7], when);
    assert.equal([series?.count(0, day + 1), series?.count(1, day)], [1, 1], when);
    const now =
      (series?.count(0, dayOf(before)) ?? 0) +
      (dayOf(after) > dayOf(before) ? (series?.count(0, dayOf(after)) ?? 0) : 0);
    assert.is(now, 3, when);
    await run.close();
    if (when === "from the snapshot") for (const file of snapshotFiles(directory)) rmSync(file);
    run = await LocalLog.open(directory);
  }
  const query = { counter: "home", by: "day" as const, from: at, to: at + 1 };
  assert.equal(new View(run.local, undefined).series(query), {
    counter: "home",
    by: "day",
    from: "2026-01-02T00:00:00Z",
    to: "2026-01-03T00:00:00Z",
    since: null,
    points: [{ at: "2026-01-02T00:00:00Z", count: 7 }],
  });
  await run.close();
});

test("the newest snapshot damaged: the older one is used", async () => {
  const directory = temporaryDirectory();
  await threeRuns(directory);
  damageSnapshot(snapshotFiles(directory)[1] ?? "");
  const run = await LocalLog.open(directory);
  assert.is(run.local.totals?.count("home"), 60);
  assert.is(run.local.readFrom, 10);
  await run.close();
});

test("both damaged, all segments there: folded from the log's birth", async () => {
  const directory = temporaryDirectory();
  await threeRuns(directory);
  for (const file of snapshotFiles(directory)) damageSnapshot(file);
  const run = await LocalLog.open(directory);
  assert.is(run.local.totals?.count("home"), 60);
  assert.is(run.local.incomplete, false);
  await run.close();
});

test("both damaged and segments gone: halts with the reason, and still accepts hits", async () => {
  const directory = temporaryDirectory();
  await threeRuns(directory);
  const before = await LocalLog.open(directory);
  await before.close();
  const [oldest] = readdirSync(directory)
    .filter((file) => file.endsWith(".log"))
    .sort();
  rmSync(path.join(directory, oldest ?? ""));
  for (const file of snapshotFiles(directory)) damageSnapshot(file);

  const run = await LocalLog.open(directory);
  assert.is(run.local.halted?.code, "PROJECTION_HALTED");
  assert.match(run.local.halted?.message ?? "", /offset 0 is no longer .*snapshots can't be read .*fork/s);
  const { offset, count } = await run.record({ counter: "home", n: 1 });
  assert.ok(offset > 0);
  assert.is(count, null);
  assert.throws(
    () => new View(run.local, undefined).counter("home"),
    (error: HitsError) => error.code === "PROJECTION_HALTED",
  );
  await run.local.snapshot();
  assert.is(snapshotFiles(directory).length, 2, "no snapshot is made of nothing");
  assert.is(run.local.neededFrom, 0, "and retention takes nothing");
  await run.close();
});

test("segments that a snapshot covers are gone: nothing is missing", async () => {
  const directory = temporaryDirectory();
  await threeRuns(directory);
  let run = await LocalLog.open(directory);
  await run.hit("home", 5);
  await run.local.snapshot();
  assert.is((await run.log.applyRetention({ ms: 0, bytes: 0 }, run.local.neededFrom)).length > 0, true);
  await run.close();
  run = await LocalLog.open(directory);
  assert.is(run.local.totals?.count("home"), 65);
  assert.is(run.local.halted, undefined);
  assert.is(run.local.incomplete, false);
  await run.close();
});

test("retention never passes the older of the two kept snapshots", async () => {
  const directory = temporaryDirectory();
  const run = await LocalLog.open(directory);
  assert.is(run.local.neededFrom, 0);
  await run.hit("home", 10);
  await run.local.snapshot();
  assert.is(run.local.neededFrom, 0, "with one snapshot the whole log is what it would fall back on");
  await run.hit("home", 10);
  await run.local.snapshot();
  assert.is(run.local.neededFrom, 10);
  await run.hit("home", 10);
  await run.local.snapshot();
  assert.is(run.local.neededFrom, 20);
  assert.equal(await run.log.applyRetention(FOREVER, run.local.neededFrom), []);
  await run.close();
});

test("damage: counts on, as incomplete, also from a later snapshot", async () => {
  const directory = temporaryDirectory();
  let run = await LocalLog.open(directory);
  for (let batch = 0; batch < 3; batch++) await run.hit("home", 10);
  await run.close();
  const [segment] = readdirSync(directory).filter((file) => file.endsWith(".log"));
  const file = path.join(directory, segment ?? "");
  const bytes = readFileSync(file);
  // In the first batch: the later ones prove that it was written.
  bytes.writeUInt8(bytes.readUInt8(4096 + 40) ^ 1, 4096 + 40);
  writeFileSync(file, bytes);

  run = await LocalLog.open(directory);
  assert.is(run.local.totals?.count("home"), 20, "hits after the damage count");
  assert.is(new View(run.local, undefined).counter("home").incomplete, true);
  assert.is(run.log.damage.length, 1);
  assert.is(run.log.damage[0]?.from, 0);
  assert.is(run.log.damage[0]?.to, 10);
  await run.hit("home", 5);
  await run.local.snapshot();
  await run.close();

  run = await LocalLog.open(directory);
  assert.ok(run.local.readFrom > 30);
  assert.is(new View(run.local, undefined).counter("home").count, 25);
  assert.is(new View(run.local, undefined).counter("home").incomplete, true);
  assert.equal(readFileSync(file).subarray(0, 8192), bytes.subarray(0, 8192), "the damaged file is kept as it is");
  await run.close();
});

test("a record of an unknown type refuses the start and changes nothing", async () => {
  const directory = temporaryDirectory();
  const run = await LocalLog.open(directory);
  await new Promise<void>((resolve, reject) => {
    const bytes = Buffer.from([3, 9, 0, 0]);
    run.log.append({ bytes, count: 1, durable: () => resolve(), failed: reject });
  });
  await run.close();
  try {
    await LocalLog.open(directory);
    assert.unreachable("it opened");
  } catch (error) {
    assert.is(error instanceof HitsError ? error.code : error, "UNKNOWN_RECORD_TYPE");
  }
});

test("a snapshot is due after enough records, or after some time with any", async () => {
  const directory = temporaryDirectory();
  const run = await LocalLog.open(directory);
  await run.local.snapshotIfDue({ records: 10, milliseconds: 0, remoteMilliseconds: 60_000 });
  assert.equal(readdirSync(directory).includes("snapshots"), false, "nothing to write");
  await run.hit("home", 9);
  await run.local.snapshotIfDue({ records: 10, milliseconds: 60_000, remoteMilliseconds: 60_000 });
  assert.equal(readdirSync(directory).includes("snapshots"), false, "not yet");
  await run.hit("home", 1);
  await run.local.snapshotIfDue({ records: 10, milliseconds: 60_000, remoteMilliseconds: 60_000 });
  assert.is(snapshotFiles(directory).length, 1);
  await run.hit("home", 1);
  await run.local.snapshotIfDue({ records: 10, milliseconds: 0, remoteMilliseconds: 60_000 });
  assert.is(snapshotFiles(directory).length, 2);
  await run.close();
});

test("other logs' counts are kept, even without a new hit of this one, and not as a second snapshot to fall back on", async () => {
  const directory = temporaryDirectory();
  let run = await LocalLog.open(directory);
  await run.hit("home", 3);
  await run.local.snapshot();
  const index = run.local.totals?.indexOf("home") ?? -1;
  run.local.totals?.setRemote(index, 40);
  run.local.noteRemote("2026-01-15T12:00:00.000Z", true);
  await run.local.snapshotIfDue({ records: 1000, milliseconds: 60_000, remoteMilliseconds: 60_000 });
  assert.is(run.local.neededFrom, 0);
  await run.local.snapshotIfDue({ records: 1000, milliseconds: 60_000, remoteMilliseconds: 0 });
  assert.is(snapshotFiles(directory).length, 1, "the same offset");
  assert.is(run.local.neededFrom, 0, "one snapshot is one");
  await run.close();
  run = await LocalLog.open(directory);
  assert.is(run.local.totals?.remote(run.local.totals.indexOf("home")), 40);
  assert.is(run.local.remoteAsOf, "2026-01-15T12:00:00.000Z");
  await run.close();
});

test.run();
