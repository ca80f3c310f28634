import * as assert from "uvu/assert";
import { HitsError } from "../../../src/errors.js";
import { storedHits } from "../../../src/hit/record.js";
import { countHits } from "../../../src/maintenance/counts.js";
import { verifyLog } from "../../../src/maintenance/verify/verify-log.js";
import { CounterDays } from "../../../src/projection/mongo/counter-days.js";
import { Counters } from "../../../src/projection/mongo/counters.js";
import { LogFollower } from "../../../src/projection/mongo/log-follower.js";
import { Series } from "../../../src/projection/series/series.js";
import type { Damage } from "../../../src/wal/damage.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { LOCAL } from "../../support/local-log.js";
import type { MemoryFileSystem } from "../../support/memory-file-system.js";
import { directoryOn, openServer, type Server } from "../crash/server.js";
import type { Batch, Sample } from "./log.js";
import type { Row } from "./table.js";

/** One thing that happened to a log: what can't be read then, in batches of the sample. */
export interface Case {
  readonly when: string;
  readonly fs: MemoryFileSystem;
  readonly missing: readonly Batch[];
  /** Batches that are gone from the segments and stand in a snapshot. */
  readonly inSnapshot?: readonly Batch[];
  /** Only the log lacks it, and a snapshot has it all: what reads past the snapshot does not meet the damage. */
  readonly isPastSnapshot?: boolean;
  /** Nothing on the disk knows how far the log had come: offsets may be used again. */
  readonly isForgotten?: boolean;
  /** The first offset after the damage, where no batch is missing. */
  readonly stopsAt?: number;
}

/** More than a log of a few batches ever needs: a reader that loops is stopped by it. */
const MAX_OPERATIONS = 3000;

/** Everything that opens or reads a log, before and after a start, against a row of the table. */
export async function checkCase(sample: Sample, row: Row, { when, fs, missing, ...rest }: Case): Promise<void> {
  const { inSnapshot = [], isPastSnapshot = false, isForgotten = false, stopsAt } = rest;
  const allowance = { left: MAX_OPERATIONS };
  fs.interfere(() => {
    if (--allowance.left < 0) throw new Error(`${when}: more than ${MAX_OPERATIONS} operations`);
    return undefined;
  });
  const readable = sample.batches.filter((batch) => !missing.includes(batch) && !inSnapshot.includes(batch));
  const counted = sample.batches.filter((batch) => !missing.includes(batch));
  const isDamage = row.start === "damage";

  checkHits(await readAll(fs), readable, `${when}, read before the start`);
  await checkVerify(fs, row, `${when}, before the start`);

  const server = await openServer(fs);
  const known = isForgotten ? counted : sample.batches;
  const highest = Math.max(...known.map(({ offset, hits }) => offset + hits.length - 1));
  checkStarted(server, row, counted, when);
  assert.is(
    server.log.recovery.tornBytes > 0,
    row.start === "torn tail",
    `${when}: ${server.log.recovery.tornBytes} torn bytes`,
  );
  if (isDamage) checkRanges(server.log.damage, missing, readable, when);
  const { offset, count } = await server.collector.record({ counter: "fresh", n: 1 }, LOCAL);
  assert.is(count, row.start === "halted" ? null : 1, when);
  assert.ok(offset > highest, `${when}: offset ${offset} again`);
  const fresh: Batch = { segment: 0, byte: 0, endByte: 0, offset, hits: [{ counter: "fresh", n: 1 }] };
  checkHits(await readAll(fs), [...readable, fresh], `${when}, after the start`);
  await checkFold(fs, server, [...readable, fresh], missing, isDamage, stopsAt ?? offset, when);
  await checkCounts(fs, row, [...counted, fresh], isPastSnapshot, when);
  await checkVerify(fs, row, `${when}, after the start`);
  await server.log.close();

  const again = await openServer(fs);
  const rowAgain = isPastSnapshot ? ({ ...row, start: "nothing" } as const) : row;
  checkStarted(again, rowAgain, [...counted, fresh], `${when}, started again`);
  assert.is(again.log.recovery.tornBytes, 0, `${when}: torn twice`);
  checkHits(await readAll(fs), [...readable, fresh], `${when}, started again`);
  await again.log.close();
}

/** The reader alone: for changes at every byte and bit. */
export async function checkReader(sample: Sample, isDamage: boolean, { when, fs, missing }: Case): Promise<void> {
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const hits: [number, number][] = [];
  const damage: Damage[] = [];
  for (let steps = 0; ; steps++) {
    assert.ok(steps < 100, `${when}: a reader that does not end`);
    const step = await reader.next();
    if ("end" in step) break;
    if ("damage" in step) damage.push(step.damage);
    else for (const { offset, n } of storedHits(step.batch)) hits.push([offset, n]);
  }
  await reader.close();
  checkHits(
    hits,
    sample.batches.filter((batch) => !missing.includes(batch)),
    when,
  );
  assert.is(damage.length > 0, isDamage, `${when}: ${JSON.stringify(damage)}`);
}

function checkStarted({ log, local }: Server, row: Row, counted: readonly Batch[], when: string): void {
  assert.is(log.damage.length > 0, row.start === "damage", `${when}: damage ${JSON.stringify(log.damage)}`);
  assert.is(local.incomplete, row.start === "damage", when);
  assert.is(local.halted?.code, row.start === "halted" ? "PROJECTION_HALTED" : undefined, when);
  if (row.start !== "halted") assert.is(local.totals?.sum, sumOf(counted), `${when}: counts`);
}

/** Checks that each missing record is in a range that is reported, and that no readable record is. */
function checkRanges(
  damage: readonly Damage[],
  missing: readonly Batch[],
  readable: readonly Batch[],
  when: string,
): void {
  const covers = (offset: number) => damage.some(({ from, to }) => from <= offset && offset < (to ?? from + 2 ** 30));
  const told = `${when}: ${JSON.stringify(damage)}`;
  for (const { offset, hits } of missing) {
    for (let at = offset; at < offset + hits.length; at++) assert.ok(covers(at), `${told} does not have ${at}`);
  }
  const ends = damage.filter(({ to }) => to !== undefined);
  for (const { offset, hits } of readable) {
    const isIn = hits.length > 0 && ends.some(({ from, to = 0 }) => from <= offset && offset < to);
    assert.not(isIn, `${told} has ${offset}, which can be read`);
  }
}

function checkHits(found: readonly (readonly [number, number])[], expected: readonly Batch[], when: string): void {
  const hits = expected.flatMap(({ offset, hits }) => hits.map(({ n }, index) => [offset + index, n] as const));
  assert.equal(found, hits, when);
}

async function readAll(fs: MemoryFileSystem): Promise<[number, number][]> {
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const hits: [number, number][] = [];
  for (let step = await reader.next(); !("end" in step); step = await reader.next()) {
    if ("batch" in step) for (const { offset, n } of storedHits(step.batch)) hits.push([offset, n]);
  }
  await reader.close();
  return hits;
}

/** Checks that the projection into MongoDB reads everything up to the damage, and no more. */
async function checkFold(
  fs: MemoryFileSystem,
  { log }: Server,
  readable: readonly Batch[],
  missing: readonly Batch[],
  isDamage: boolean,
  stopsAt: number,
  when: string,
): Promise<void> {
  const counters = new Counters();
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const follower = new LogFollower({
    reader,
    counters,
    days: new CounterDays(new Series(), counters),
    start: { offset: 0, epoch: log.epoch, nonce: log.nonce },
    covered: 0,
  });
  while (await follower.step());
  await follower.close();
  const end = isDamage ? Math.min(stopsAt, ...missing.map(({ offset }) => offset)) : Number.POSITIVE_INFINITY;
  const expected = readable.filter(({ offset }) => offset < end);
  // Of segments that are all gone there is nothing left to stop in front of.
  if (readable.length > 1) assert.is(counters.sum, sumOf(expected), `${when}: what MongoDB gets`);
}

async function checkCounts(
  fs: MemoryFileSystem,
  row: Row,
  counted: readonly Batch[],
  isPastSnapshot: boolean,
  when: string,
): Promise<void> {
  if (row.start === "halted") {
    const code = await countHits(directoryOn(fs)).catch((error: unknown) =>
      error instanceof HitsError ? error.code : error,
    );
    assert.is(code, "OFFSET_GONE", when);
    return;
  }
  const counts = await countHits(directoryOn(fs));
  assert.is(counts.hits, sumOf(counted), `${when}: wal counts`);
  const isMet = row.start === "damage" && !isPastSnapshot;
  assert.is(counts.damage.length > 0, isMet, `${when}: wal counts and damage`);
}

async function checkVerify(fs: MemoryFileSystem, { sound }: Row, when: string): Promise<void> {
  const verification = await verifyLog(directoryOn(fs));
  assert.is(verification.sound, sound, `${when}: wal verify finds ${JSON.stringify(verification.findings)}`);
}

function sumOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { hits }) => sum + hits.reduce((n, hit) => n + hit.n, 0), 0);
}
