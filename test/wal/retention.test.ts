import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "../../src/wal/log.js";
import { MissingRanges } from "../../src/wal/missing-ranges.js";
import { type Registration, removeRegistration, writeRegistration } from "../../src/wal/registrations.js";
import { removeOldSegments } from "../../src/wal/retention.js";
import { segmentBases } from "../../src/wal/segment-name.js";
import {
  append,
  DIRECTORY,
  directoryOn,
  edit,
  flipBit,
  openLog,
  readAll,
  SMALL_SEGMENT,
  segmentPath,
} from "../support/log-files.js";
import { MemoryFileSystem } from "../support/memory-file-system.js";

const FOREVER = { ms: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };
const ALL = { ms: Number.POSITIVE_INFINITY, bytes: 0 };

/** A log of five segments with three records each, the first at offset 0, 3, 6, 9, 12. */
async function make(): Promise<{ fs: MemoryFileSystem; log: Log }> {
  const fs = new MemoryFileSystem({ durableWrites: true });
  const log = await openLog(fs);
  for (let i = 0; i < 15; i++) await append(log, [`${i}`.padEnd(19_000, "r")]);
  // What is closed is cut in the background.
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(bases(fs), [0, 3, 6, 9, 12]);
  return { fs, log };
}

const bases = (fs: MemoryFileSystem) => segmentBases(fs.names(DIRECTORY));

function registration(name: string, offset: number): Registration {
  return { name, offset, epoch: 1, nonce: "00", updatedAt: "2026-01-01T00:00:00Z" };
}

test("nothing goes without a limit; the newest stays whatever the limit", async () => {
  const { fs, log } = await make();
  assert.equal(await log.applyRetention(FOREVER, log.end), []);
  assert.equal(await log.applyRetention({ ms: -1, bytes: 0 }, log.end), [0, 3, 6, 9]);
  assert.equal(bases(fs), [12]);
  assert.is(log.status().segments, 1);
  assert.is(log.status().start, 12);
  assert.is(log.status().bytes, SMALL_SEGMENT);
  assert.equal((await readAll(fs, 12)).damage, []);
  await log.close();
});

test("never past the offset that is needed", async () => {
  for (const [needed, removed] of [
    [0, []],
    [2, []],
    [3, [0]],
    [5, [0]],
    [6, [0, 3]],
    [100, [0, 3, 6, 9]],
  ] as const) {
    const { log } = await make();
    assert.equal(await log.applyRetention(ALL, needed), removed, `needed ${needed}`);
    await log.close();
  }
});

test("by bytes: the oldest go until the rest is within the limit", async () => {
  const { log } = await make();
  const segment = 3 * 19_000;
  assert.equal(await log.applyRetention({ ms: FOREVER.ms, bytes: SMALL_SEGMENT + 2.5 * segment }, log.end), [0, 3]);
  await log.close();
});

test("by age: from when the next segment was begun", async () => {
  const { fs, log } = await make();
  const known = { has: () => false, report: () => undefined, missing: MissingRanges.none };
  const hour = 3_600_000;
  const options = { limits: { ms: hour, bytes: FOREVER.bytes }, neededFrom: log.end, known };
  assert.equal(await removeOldSegments(directoryOn(fs), { ...options, now: Date.now() + hour - 60_000 }), []);
  assert.equal(await removeOldSegments(directoryOn(fs), { ...options, now: Date.now() + hour + 60_000 }), [0, 3, 6, 9]);
  await log.close();
});

test("never past what a registered projection has not applied, until it is forgotten", async () => {
  const { fs, log } = await make();
  await writeRegistration(directoryOn(fs), registration("mongo", 4));
  await writeRegistration(directoryOn(fs), registration("other", 10));
  assert.equal(await log.applyRetention(ALL, log.end), [0]);
  await writeRegistration(directoryOn(fs), registration("mongo", 7));
  assert.equal(await log.applyRetention(ALL, log.end), [3]);
  await removeRegistration(directoryOn(fs), "mongo");
  assert.equal(await log.applyRetention(ALL, log.end), [6]);
  await removeRegistration(directoryOn(fs), "other");
  assert.equal(await log.applyRetention(ALL, log.end), [9]);
  await log.close();
});

test("a registration that can't be read holds everything", async () => {
  for (const text of [
    "",
    "{",
    "null",
    "[]",
    '{"offset":-1,"epoch":1,"nonce":""}',
    '{"offset":"9","epoch":1,"nonce":""}',
  ]) {
    const { fs, log } = await make();
    await writeRegistration(directoryOn(fs), registration("mongo", 9));
    fs.put(`${DIRECTORY}/projections/mongo.json`, Buffer.from(text));
    assert.equal(await log.applyRetention(ALL, log.end), [], text);
    await log.close();
  }
});

test("a damaged segment stays for repair, and with it all that follow", async () => {
  const { fs, log } = await make();
  log.reportDamage({ file: segmentPath(3).slice(5), byte: 4096, from: 3, to: 4, expected: "", found: "" });
  assert.equal(await log.applyRetention(ALL, log.end), [0]);
  assert.equal(bases(fs), [3, 6, 9, 12]);
  await log.close();
});

test("damage that nobody has met yet is met before the segment goes, reported, and kept", async () => {
  const ways: [string, (fs: MemoryFileSystem) => void][] = [
    ["a flipped bit", (fs) => flipBit(fs, segmentPath(3), 4096 + 40)],
    ["a header", (fs) => flipBit(fs, segmentPath(3), 33)],
    ["cut short", (fs) => edit(fs, segmentPath(3), (content) => content.subarray(0, 4096 + 19_035))],
  ];
  for (const [name, damage] of ways) {
    const { fs, log } = await make();
    damage(fs);
    assert.equal(await log.applyRetention(ALL, log.end), name === "a header" ? [] : [0], name);
    assert.ok(bases(fs).includes(3), name);
    if (name !== "a header") assert.is(log.damage.length, 1, name);
    await log.close();
  }
});

test("damage that an earlier process has reported still holds after the next opening", async () => {
  const { fs, log } = await make();
  await log.close();
  flipBit(fs, segmentPath(12), 4096 + 40);
  const second = await openLog(fs);
  assert.is(second.damage.length, 1);
  await append(second, ["on"]);
  await second.close();
  const third = await openLog(fs);
  await append(third, ["on"]);
  assert.equal(third.recovery.damage, []);
  await third.applyRetention(ALL, third.end);
  assert.ok(bases(fs).includes(12), "its bytes are there for repair");
  await third.close();
});

test("an empty segment that an interrupted opening left does not hold the rest for ever", async () => {
  const { fs, log } = await make();
  await log.close();
  const stop = fs.interfere((operation) =>
    operation.kind === "unlink" && operation.path.endsWith(".log") ? { error: new Error("killed") } : undefined,
  );
  for (let i = 0; i < 3; i++) await (await openLog(fs)).close();
  // One of them may have a torn batch in it.
  edit(fs, segmentPath(bases(fs)[6] ?? 0), (content) => content.fill(7, 4096, 4200));
  const last = await openLog(fs);
  stop();
  await append(last, ["on"]);
  await last.applyRetention(ALL, last.end);
  assert.is(bases(fs).length, 1);
  await last.close();
});

test("a crash in the middle leaves no hole: what goes, goes from the front", async () => {
  const { fs, log } = await make();
  const disks: MemoryFileSystem[] = [];
  fs.moment = () => {
    for (let seed = 0; seed < 8; seed++) disks.push(fs.crash({ seed }));
  };
  await log.applyRetention(ALL, log.end);
  assert.ok(disks.length > 30);
  for (const disk of disks) {
    const left = bases(disk);
    assert.equal(left, [0, 3, 6, 9, 12].slice(-left.length));
    assert.equal((await readAll(disk)).damage, []);
  }
  fs.moment = () => undefined;
  await log.close();
});

test.run();
