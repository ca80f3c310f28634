import * as assert from "uvu/assert";
import { HitsError, systemCode } from "../../../src/errors.js";
import { storedHits } from "../../../src/hit/record.js";
import { verifyLog } from "../../../src/maintenance/verify/verify-log.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { readRegistrations } from "../../../src/wal/registrations.js";
import { LOCAL } from "../../support/local-log.js";
import type { Crash } from "../../support/memory-disk.js";
import { seeded } from "../../support/memory-file.js";
import type { MemoryFileSystem } from "../../support/memory-file-system.js";
import { type Entry, type Known, keyIn } from "./ledger.js";
import { checkLeft, repair, repairNothing } from "./repair.js";
import { directoryOn, openServer, type Server } from "./server.js";

/** Every hit in a log, by offset: the number that its payload carries, -1 for one that this check sent itself. */
type Contents = ReadonlyMap<number, number>;

const HOUR_MS = 3_600_000;
const FRESH = { counter: "fresh", n: 1 };

/**
 * Checks what must hold of every disk that a crash leaves: no damage; each acknowledged hit is there, at its offset, once,
 * and no hit that was refused; by counter acknowledged ≤ counted ≤ acknowledged + unknown; retries of acknowledged hits get
 * their first answer, retries of unknown ones end as counted once; new offsets are past all that were assigned; what was
 * registered stands; and a second start, in order or after another crash, finds the same. `seed` chooses among ways.
 */
export async function checkState(left: MemoryFileSystem, known: Known, seed: number): Promise<void> {
  const random = seeded(seed);
  const fs = known.isDamaged ? await repairDamage(left, known, random) : left;
  const isVerified = random() < 0.15;
  // Another process may read before anybody recovers.
  const early = await readIfThere(fs);
  if (early !== undefined) checkContents(early, known, "read before the start");
  if (early !== undefined && isVerified) await checkVerify(fs, "before the start");

  // Whether a repair comes first changes nothing.
  const isRepaired = random() < 0.1;
  if (isRepaired) await repairNothing(fs, "yes");

  let disk = fs;
  // A third of all starts meet another crash themselves.
  const isCut = random() < 0.33;
  if (isCut) disk = await crashAmid(fs, random, 25, openServer);
  const server = await openServer(disk);
  const recovered = await checkStarted(server, disk, known, "at the start");
  if (early !== undefined && !(isCut && known.failed)) checkSame(early, recovered);
  if (isVerified) await checkVerify(disk, "after the start");
  await checkKeys(server, known);
  const before = totalsOf(server);

  const { offset } = await server.collector.record({ ...FRESH }, LOCAL);
  assert.ok(offset > known.highest, `offset ${offset} may have been given out before, up to ${known.highest}`);
  const unknown = known.possible.filter((entry) => {
    const isKnown = known.acknowledged.includes(entry) || known.damaged.has(keyIn(entry.hit.payload));
    return !isKnown && entry.hit.id !== undefined;
  });
  const retried = unknown.slice(-2);
  for (const { hit } of retried) await server.collector.record(hit, LOCAL);
  const after = totalsOf(server);
  if (random() < 0.3) await server.local.snapshot();
  const end = server.log.end;

  const again = await stop(server, disk, random);
  const restarted = await openServer(again);
  const contents = await checkStarted(restarted, again, known, "at the second start");
  assert.equal(totalsOf(restarted), after, "the second start counts otherwise");
  for (const [at, key] of recovered)
    assert.is(contents.get(at), key, `offset ${at} is lost or changed at the second start`);
  for (const [at, key] of contents) {
    const isNew = at >= offset && at < end && (key === -1 || retried.some(({ hit }) => keyIn(hit.payload) === key));
    assert.ok(recovered.get(at) === key || isNew, `offset ${at} is new at the second start`);
  }
  assert.is(contents.get(offset), -1, "the hit after the crash is lost");
  await checkKeys(restarted, known);
  for (const { hit } of retried) {
    const { replayed } = await restarted.collector.record(hit, LOCAL);
    assert.ok(replayed, "a retry of a retry was counted");
  }
  assert.is(before["fresh"] ?? 0, 0);
}

/**
 * Repairs what a disk has lied about, now and then after a start on it, and so that a crash may cut the repair short: the
 * next repair brings back as much as one that went through, and then there is nothing to do.
 */
async function repairDamage(left: MemoryFileSystem, known: Known, random: () => number): Promise<MemoryFileSystem> {
  // A power cut may bring back a snapshot that was removed, or take a new one: then the repair knows more, or less.
  const isSettled = random() < 0.6;
  const fs = isSettled ? left.copy() : left;
  const through = fs.fork();
  await repair(through, "yes");
  let disk = random() < 0.7 ? await crashAmid(fs, random, 80, (work) => repair(work, "yes")) : fs;
  if (random() < 0.3) {
    const { log } = await openServer(disk);
    await log.close();
    disk = disk.fork();
  }
  await repair(disk, "yes");
  await repairNothing(disk, "yes");
  const acknowledged = Math.max(-1, ...known.acknowledged.map(({ answer }) => answer?.offset ?? -1));
  const settled = async (one: MemoryFileSystem) => {
    const contents = (await readIfThere(one)) ?? new Map<number, number>();
    await checkLeft(one, contents);
    return [...contents].filter(([offset]) => offset <= acknowledged);
  };
  const [found, expected] = [await settled(disk), await settled(through)];
  if (isSettled) assert.equal(found, expected, "a repair that was cut short ends otherwise");
  return disk;
}

/** Returns the disk after a crash that interrupts some work within so many moments. */
async function crashAmid(
  fs: MemoryFileSystem,
  random: () => number,
  moments: number,
  run: (fs: MemoryFileSystem) => Promise<unknown>,
): Promise<MemoryFileSystem> {
  let left = 1 + Math.floor(random() * moments);
  const crash = anyCrash(random);
  let disk: MemoryFileSystem | undefined;
  const work = fs.fork();
  const cut = new Promise<void>((resolve) => {
    work.moment = () => {
      if (--left !== 0) return;
      disk = crash === "killed" ? work.fork() : work.crash(crash);
      work.kill();
      resolve();
    };
  });
  await Promise.race([run(work), cut]);
  work.kill();
  return disk ?? (crash === "killed" ? work.fork() : work.crash(crash));
}

async function stop(server: Server, fs: MemoryFileSystem, random: () => number): Promise<MemoryFileSystem> {
  if (random() < 0.2) {
    await server.log.drain();
    await server.local.snapshot();
    await server.log.close();
    return fs;
  }
  const crash = anyCrash(random);
  const left = crash === "killed" ? fs.fork() : fs.crash(crash);
  fs.kill();
  return left;
}

function anyCrash(random: () => number): Crash | "killed" {
  return (
    (["lost", "kept", "killed", { seed: Math.floor(random() * 1e6) }] as const)[Math.floor(random() * 4)] ?? "lost"
  );
}

async function checkStarted(server: Server, fs: MemoryFileSystem, known: Known, when: string): Promise<Contents> {
  assert.equal(server.log.damage, [], `${when}: a crash is no damage: ${JSON.stringify(server.log.damage)}`);
  assert.equal(server.damagedSnapshots, [], `${when}: a crash damages no snapshot`);
  assert.is(server.local.halted?.message, undefined, `${when}: ${server.local.halted?.message}`);
  const contents = await readIfThere(fs);
  assert.ok(contents, when);
  checkContents(contents ?? new Map(), known, when, server.log.status().start);
  checkTotals(totalsOf(server), known, when);
  await checkSeries(server, fs, known, when);
  const found = new Map((await readRegistrations(directoryOn(fs))).map((one) => [one.name, one]));
  for (const [name, offset] of known.registered) {
    const one = found.get(name);
    assert.is(one?.damaged, undefined, when);
    assert.ok(
      one !== undefined && one.offset >= offset,
      `${when}: projection ${name} is no longer registered at ${offset}`,
    );
    // Retention has left what it needs.
    await readIfThere(fs, one?.offset);
  }
  return contents ?? new Map();
}

function checkContents(contents: Contents, known: Known, when: string, start = 0): void {
  const offsets = new Map([...contents].map(([offset, key]) => [key, offset]));
  const keys = [...contents.values()].filter((key) => key !== -1);
  assert.is(new Set(keys).size, keys.length, `${when}: a hit is in the log twice`);
  const possible = new Set(known.possible.map(({ hit }) => keyIn(hit.payload)));
  for (const key of keys) assert.ok(possible.has(key), `${when}: hit ${key} was refused, or not sent yet`);
  const first = contents.keys().next().value ?? start;
  for (const { hit, answer } of known.acknowledged) {
    const expected = answer?.offset ?? 0;
    // Retention has removed what was before the oldest segment; a snapshot has it.
    if (expected < start || (start === 0 && expected < first)) continue;
    const key = keyIn(hit.payload);
    assert.is(offsets.get(key), expected, `${when}: acknowledged hit ${key} is lost or elsewhere`);
  }
}

/** A removal by retention may be undone by a power cut: only in front of what was read may more come to light. */
function checkSame(early: Contents, recovered: Contents): void {
  for (const [offset, key] of early) {
    assert.is(recovered.get(offset), key, `offset ${offset} was read before the start, and is lost or changed`);
  }
  const first = early.keys().next().value ?? Number.POSITIVE_INFINITY;
  for (const offset of recovered.keys()) {
    assert.ok(early.has(offset) || offset < first, `offset ${offset} was not there before the start`);
  }
}

function checkTotals(totals: Readonly<Record<string, number>>, known: Known, when: string): void {
  const sum = (entries: readonly Entry[], counter: string) =>
    entries.reduce((total, { hit }) => total + (hit.counter === counter ? hit.n : 0), 0);
  for (const counter of new Set([...Object.keys(totals), ...known.possible.map(({ hit }) => hit.counter)])) {
    if (counter === FRESH.counter) continue;
    const counted = totals[counter] ?? 0;
    const [least, most] = [sum(known.acknowledged, counter), sum(known.possible, counter)];
    assert.ok(least <= counted && counted <= most, `${when}: ${counter} has ${counted}, not ${least} to ${most}`);
  }
}

/** The hours and days are those of the log, where all of it is there; and always as many hits as the totals have. */
async function checkSeries({ local }: Server, fs: MemoryFileSystem, known: Known, when: string): Promise<void> {
  const { totals } = local;
  if (totals === undefined) return;
  const { series } = totals;
  const sums = new Map<number, number>();
  for (const day of series.days()) {
    for (const index of new Set(series.indexesOf(day))) {
      sums.set(index, (sums.get(index) ?? 0) + (series.count(index, day) ?? 0));
    }
  }
  for (const [name, index] of totals.names()) {
    assert.is(sums.get(index) ?? 0, totals.countAt(index), `${when}: the days of ${name} are not its total`);
  }
  // Of hits that a repair has put in the place of lost ones a snapshot may know the hour, and the log does not.
  if (known.damaged.size > 0) return;
  const recount = await recounted(fs);
  for (const [key, count] of recount ?? []) {
    const [hour = "", name = ""] = key.split(/ (.*)/s);
    assert.is(series.hour(totals.find(name), Number(hour) * HOUR_MS), count, `${when}: hour ${hour} of ${name}`);
  }
}

/** By hour and counter, what a log that begins at its birth has; undefined for any other. */
async function recounted(fs: MemoryFileSystem): Promise<Map<string, number> | undefined> {
  const counts = new Map<string, number>();
  const reader = new LogReader({ directory: directoryOn(fs), from: 0 });
  try {
    for (let step = await reader.next(); !("end" in step); step = await reader.next()) {
      if (!("batch" in step)) continue;
      for (const { counter, n, at } of storedHits(step.batch)) {
        const key = `${Math.floor(at / HOUR_MS)} ${counter}`;
        counts.set(key, (counts.get(key) ?? 0) + n);
      }
    }
    return counts;
  } catch (error) {
    if (error instanceof HitsError && error.code === "OFFSET_GONE") return undefined;
    throw error;
  } finally {
    await reader.close();
  }
}

async function checkKeys({ collector }: Server, { acknowledged, damaged }: Known): Promise<void> {
  for (const { hit, answer } of acknowledged) {
    if (hit.id === undefined) continue;
    const again = await collector.record(hit, LOCAL);
    // With hits missing before it, a count that is added up again is lower.
    const count = damaged.size > 0 ? undefined : answer?.count;
    const expected = { offset: answer?.offset, count: count ?? again.count, replayed: true };
    assert.equal(again, expected, `a retry of ${hit.id} does not get the first answer`);
  }
}

async function checkVerify(fs: MemoryFileSystem, when: string): Promise<void> {
  const { sound, findings } = await verifyLog(directoryOn(fs));
  assert.ok(sound, `${when}: verify finds ${JSON.stringify(findings)}`);
}

function totalsOf({ local }: Server): Record<string, number> {
  const { totals } = local;
  assert.ok(totals);
  return Object.fromEntries([...(totals?.names() ?? [])].map(([name, index]) => [name, totals?.countAt(index) ?? 0]));
}

/** All that another process reads; undefined where there is no directory yet. Throws for damage. */
async function readIfThere(fs: MemoryFileSystem, from?: number): Promise<Contents | undefined> {
  const reader = new LogReader({ directory: directoryOn(fs), from });
  const contents = new Map<number, number>();
  let last = -1;
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return contents;
      assert.not("damage" in step, `a crash is no damage: ${JSON.stringify("damage" in step && step.damage)}`);
      if (!("batch" in step)) continue;
      for (const hit of storedHits(step.batch)) {
        assert.ok(hit.offset > last, `offset ${hit.offset} after ${last}`);
        last = hit.offset;
        contents.set(hit.offset, keyIn(hit.payload));
      }
    }
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  } finally {
    await reader.close();
  }
}
