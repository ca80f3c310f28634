import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { DAY_MS, dayOf } from "../../../src/projection/series/days.js";
import { readSnapshots, writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import type { NewSnapshotFacts } from "../../../src/projection/snapshot/snapshot-format.js";
import { Totals } from "../../../src/projection/totals.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";
import { temporaryDirectory } from "../../support/server-process.js";

const damage = { file: "x.log", byte: 5, from: 7, to: undefined, expected: "a batch", found: "zeros" };

function facts(offset: number): NewSnapshotFacts {
  return {
    logId: "abcdefgh12345678",
    epoch: 3,
    nonce: "00112233aabbccdd",
    offset,
    created: "2026-01-01T00:00:00.000Z",
    asOf: null,
    damage: [],
  };
}

function totalsOf(counts: Record<string, number>): Totals {
  const totals = new Totals();
  for (const [name, count] of Object.entries(counts)) totals.add(totals.indexOf(name), count);
  return totals;
}

async function all(directory: string) {
  const found = [];
  for await (const snapshot of readSnapshots(new LogDirectory(directory))) found.push(snapshot);
  return found;
}

test("a snapshot is read as it was written", async () => {
  const directory = temporaryDirectory();
  const written = { ...facts(42), damage: [damage] };
  await writeSnapshot(new LogDirectory(directory), {
    facts: written,
    image: totalsOf({ home: 5, "é🎉": 2 ** 52 }).image(),
  });
  const [snapshot, ...others] = await all(directory);
  assert.is(others.length, 0);
  assert.is(snapshot?.invalid, undefined);
  const series = { since: null, hoursSince: null, bytes: 0 };
  assert.equal(snapshot?.facts, JSON.parse(JSON.stringify({ ...written, keys: 0, series })));
  assert.is(snapshot?.totals?.count("home"), 5);
  assert.is(snapshot?.totals?.count("é🎉"), 2 ** 52);
  assert.is(snapshot?.totals?.size, 2);
});

test("an empty snapshot, and one of many counters", async () => {
  const directory = temporaryDirectory();
  await writeSnapshot(new LogDirectory(directory), { facts: facts(0), image: new Totals().image() });
  assert.is((await all(directory))[0]?.totals?.size, 0);
  const many = totalsOf(
    Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`/a/rather/long/name/of/a/page/${i}`, i])),
  );
  await writeSnapshot(new LogDirectory(directory), { facts: facts(1), image: many.image() });
  assert.is((await all(directory))[0]?.totals?.sum, many.sum);
});

test("two are kept, newest first; a damaged one neither counts nor is removed", async () => {
  const directory = temporaryDirectory();
  for (const offset of [1, 2, 3])
    await writeSnapshot(new LogDirectory(directory), { facts: facts(offset), image: totalsOf({ a: offset }).image() });
  assert.equal(
    (await all(directory)).map((snapshot) => snapshot.facts?.offset),
    [3, 2],
  );
  const newest = fileOf(directory, 3);
  const bytes = readFileSync(newest);
  writeFileSync(newest, bytes.fill(0, bytes.length - 10));
  await writeSnapshot(new LogDirectory(directory), { facts: facts(4), image: totalsOf({ a: 4 }).image() });
  await writeSnapshot(new LogDirectory(directory), { facts: facts(5), image: totalsOf({ a: 5 }).image() });
  const found = await all(directory);
  assert.equal(
    found.map((snapshot) => [snapshot.facts?.offset, snapshot.invalid === undefined]),
    [
      [5, true],
      [4, true],
      [3, false],
    ],
  );
});

test("any flipped bit and any truncation is detected", async () => {
  const directory = temporaryDirectory();
  const flipped = totalsOf({ home: 5, about: 6 });
  flipped.addAt(0, 1, Date.UTC(2026, 0, 1));
  await writeSnapshot(new LogDirectory(directory), { facts: facts(9), image: flipped.image() });
  const file = fileOf(directory, 9);
  const sound = readFileSync(file);
  let vouching = 0;
  for (let at = 0; at < sound.length; at++) {
    const broken = Buffer.from(sound);
    broken[at] = (broken[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(file, broken);
    const [snapshot] = await all(directory);
    assert.ok(snapshot?.invalid !== undefined && snapshot.totals === undefined, `byte ${at}`);
    if (snapshot?.facts !== undefined) {
      assert.is(snapshot.facts.offset, 9);
      vouching++;
    }
    writeFileSync(file, sound.subarray(0, at));
    assert.ok((await all(directory))[0]?.invalid !== undefined, `cut at byte ${at}`);
  }
  assert.ok(vouching > 20, "where only counts or names are damaged, the facts still vouch for the offset");
});

test("hours and days are restored", async () => {
  const directory = temporaryDirectory();
  const totals = totalsOf({ home: 1, about: 2 });
  const noon = Date.UTC(2026, 10, 24, 12);
  totals.series.startAt(dayOf(noon) - 3);
  totals.addAt(0, 5, noon);
  totals.addAt(1, 6, noon - DAY_MS);
  await writeSnapshot(new LogDirectory(directory), { facts: facts(9), image: totals.image() });
  const series = (await all(directory))[0]?.totals?.series;
  assert.equal([series?.count(0, dayOf(noon)), series?.hour(0, noon)], [5, 5]);
  assert.equal([series?.count(1, dayOf(noon) - 1), series?.since], [6, dayOf(noon) - 3]);
});

/** Turns a snapshot into one of version 1, or gives it another version. */
function setVersion(file: string, version: number): void {
  const bytes = readFileSync(file);
  const length = bytes.readUInt32LE(12);
  const { series, ...facts } = JSON.parse(bytes.toString("utf8", 36, 36 + length)) as { series: { bytes: number } };
  const json = Buffer.from(JSON.stringify(facts));
  const head = Buffer.from(bytes.subarray(0, 36));
  head.writeUInt32LE(version, 8);
  head.writeUInt32LE(json.length, 12);
  head.writeUInt32LE(crc32(json, crc32(head.subarray(0, 32))), 32);
  const body = bytes.subarray(36 + length, bytes.length - 4 - series.bytes);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(body));
  writeFileSync(file, Buffer.concat([head, json, body, checksum]));
}

test("a snapshot of version 1 has no hours and days: they begin on the day after it", async () => {
  const directory = temporaryDirectory();
  const totals = totalsOf({ home: 5 });
  totals.addAt(0, 1, Date.UTC(2026, 0, 1));
  await writeSnapshot(new LogDirectory(directory), { facts: facts(9), image: totals.image() });
  setVersion(fileOf(directory, 9), 1);
  const [snapshot] = await all(directory);
  assert.is(snapshot?.invalid, undefined);
  assert.is(snapshot?.totals?.count("home"), 6);
  assert.is(snapshot?.totals?.series.since, dayOf(Date.UTC(2026, 0, 2)));
  assert.is(snapshot?.totals?.series.points, 0);
});

test("an unknown format version is refused, not taken for damage", async () => {
  const directory = temporaryDirectory();
  await writeSnapshot(new LogDirectory(directory), { facts: facts(9), image: totalsOf({ home: 5 }).image() });
  setVersion(fileOf(directory, 9), 3);
  try {
    await all(directory);
    assert.unreachable("it was read");
  } catch (error) {
    assert.is(error instanceof HitsError ? error.code : error, "LOG_FORMAT");
  }
});

function fileOf(directory: string, offset: number): string {
  const folder = path.join(directory, "snapshots");
  const name = readdirSync(folder).find((file) => file === `${String(offset).padStart(20, "0")}.snapshot`);
  assert.ok(name !== undefined, `a snapshot at offset ${offset}`);
  return path.join(folder, name ?? "");
}

test.run();
