import path from "node:path";
import { systemCode } from "../../errors.js";
import { loadSnapshots } from "../../projection/snapshot/snapshot.js";
import type { Damage } from "../../wal/damage.js";
import { HEADER_BYTES } from "../../wal/format.js";
import { type DamagedHeader, overlayHeaders, writeHeader } from "../../wal/header-repair.js";
import type { Lock } from "../../wal/lock.js";
import { Log } from "../../wal/log.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges, writeMissingRanges } from "../../wal/missing-ranges.js";
import { copyFileToQuarantine, copyToQuarantine, moveToQuarantine } from "../../wal/quarantine.js";
import { writeRegistration } from "../../wal/registrations.js";
import { QUARANTINE_DIRECTORY, SNAPSHOT_DIRECTORY, segmentBases, segmentName } from "../../wal/segment-name.js";
import { SegmentReader } from "../../wal/segment-reader.js";
import { readWholeFile } from "../../wal/whole-file.js";
import type { Ask } from "../ask-mongodb.js";
import { logIdOf } from "../log-directory.js";
import { type Assessment, assess, isSettled } from "./assess.js";
import { type DamagedFile, newRanges, planRepair, type RepairPlan } from "./plan.js";
import { renewSnapshot } from "./renew-snapshot.js";
import { withRestoredRecords } from "./restored-records.js";
import { type Step, stepsOf } from "./steps.js";

export interface RepairOptions {
  readonly directory: LogDirectory;
  /** Undefined where no database is set. */
  readonly ask: Ask | undefined;
  /** Goes on where MongoDB knows more than the log, or may. */
  readonly withoutMongodb: boolean;
  /** How long ids of hits are remembered: for a snapshot that is made anew. */
  readonly windowMs: number;
  readonly lock: (directory: string) => Promise<Lock>;
}

export interface Repair {
  readonly steps: readonly Step[];
  readonly assessment: Assessment | undefined;
  /** What the plan was at the beginning, and the ranges that are new. */
  readonly plan: RepairPlan;
  readonly ranges: readonly MissingRange[];
  readonly byHand: readonly string[];
  /** The files, to be verified: in a plan as they would be with the headers that it writes. */
  readonly view: LogDirectory;
}

/** The repaired log's first segment: the server goes on in one of its own size. */
const SEGMENT_BYTES = 64 * 1024;

/** What a repair would do, by reading alone. What an opening would find is estimated: it bounds what is missing at the end. */
export async function dryRepair({ directory: disk, ...options }: RepairOptions): Promise<Repair> {
  let directory = disk;
  const headers: DamagedHeader[] = [];
  let plan = await planRepair(directory);
  while (plan.headers.length > 0) {
    headers.push(...plan.headers);
    directory = overlayHeaders(directory, plan.headers);
    plan = await planRepair(directory);
  }
  plan = { ...plan, headers };
  const logId = await logIdOf(directory);
  const copies = new Map<Damage, string | undefined>();
  const ranges = await newRanges(directory, plan, copies, new Date().toISOString());
  const assessment = logId === undefined ? undefined : await assess(logId, { ...options, directory, plan, ranges });
  return { steps: stepsOf(plan, ranges, assessment), assessment, plan, ranges, byHand: plan.byHand, view: directory };
}

/**
 * Repairs. Whatever is taken is copied to quarantine first, and nothing counts before the list of what is missing is
 * written: a crash at any point leaves a log that is as damaged as before or less, and the next repair does the rest.
 * Throws `LOG_LOCKED` while a server has the log, and what an opening throws.
 */
export async function repairLog(options: RepairOptions): Promise<Repair> {
  const { directory } = options;
  const lock = await options.lock(directory.path);
  try {
    await syncNames(directory);
    const when = new Date().toISOString();
    const steps: Step[] = [];
    let plan = await planRepair(directory);
    if (plan.byHand.length > 0)
      return { steps, assessment: undefined, plan, ranges: [], byHand: plan.byHand, view: directory };
    // One that was written anew makes the next one readable; one that can't be read all the same is no more to be had.
    const rebuilt = new Set<number>();
    const isNew = ({ baseOffset }: { baseOffset: number }) => !rebuilt.has(baseOffset);
    while (plan.headers.some(isNew)) {
      for (const { baseOffset } of plan.headers) rebuilt.add(baseOffset);
      steps.push(...stepsOf({ ...NOTHING, headers: plan.headers }, [], undefined));
      await rebuildHeaders(directory, plan, when);
      plan = await planRepair(directory);
    }
    // Before anything is counted anew: an opening also writes the tail once more that a failed sync left in the cache alone.
    if (rebuilt.size > 0 || plan.healed.length > 0 || plan.damage.some(({ from, to }) => to !== from)) {
      steps.push(...stepsOf(NOTHING, await writeDownLostSegments(directory, plan, when), undefined));
      await open(directory);
      plan = await planRepair(directory);
    }
    const logId = await logIdOf(directory);
    const copies = await quarantine(directory, plan, when);
    const ranges = await newRanges(directory, plan, copies, when);
    const assessment = logId === undefined ? undefined : await assess(logId, { ...options, directory, plan, ranges });
    steps.push(...stepsOf(plan, ranges, assessment));
    if (assessment !== undefined) {
      const stale = new Set([...assessment.restoration.lacking, ...plan.healed]);
      if (assessment.history !== undefined && stale.size > 0) {
        const missing = new MissingRanges([...plan.missing.ranges, ...ranges]);
        const { records: restored } = assessment.restoration;
        const renewal = {
          history: assessment.history,
          restored,
          missing,
          lacks: ranges,
          stale,
          windowMs: options.windowMs,
        };
        await renewSnapshot(directory, renewal, when);
      }
      await commit(directory, plan, ranges, assessment);
    }
    for (const file of plan.files) await takeAway(directory, file, when);
    return { steps, assessment, plan, ranges, byHand: [], view: directory };
  } finally {
    await lock.release();
  }
}

const NOTHING: RepairPlan = {
  headers: [],
  damage: [],
  files: [],
  healed: [],
  healedDamage: [],
  missing: MissingRanges.none,
  byHand: [],
};

/**
 * A repair that was killed may have left names in the cache alone. What this one finds done must be on the disk, or a power
 * cut takes it back after it was called done.
 */
async function syncNames(directory: LogDirectory): Promise<void> {
  for (const folder of ["", SNAPSHOT_DIRECTORY, QUARANTINE_DIRECTORY]) {
    try {
      await directory.sync(folder);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }
}

async function rebuildHeaders(directory: LogDirectory, { headers }: RepairPlan, when: string): Promise<void> {
  for (const { baseOffset, header } of headers) {
    if (header === undefined) continue;
    const file = segmentName(baseOffset);
    const why = "a header that could not be read, written anew";
    const bytes = { from: 0, to: Math.min(HEADER_BYTES, header.preparedSize) };
    await copyToQuarantine(directory, { file, bytes, offsets: undefined, why, when });
    await writeHeader(directory, header);
  }
}

/** Segments that are gone altogether: only the opening itself would know of it, so it is written down before. */
async function writeDownLostSegments(directory: LogDirectory, plan: RepairPlan, when: string): Promise<MissingRange[]> {
  if ((await directory.segmentBases()).length > 0) return [];
  const ranges = await newRanges(directory, plan, new Map(), when);
  await writeMissingRanges(directory, [...plan.missing.ranges, ...ranges]);
  return ranges;
}

/** Opens the log as a server does, so that what is damaged has an end: the next segment says where. */
async function open(directory: LogDirectory): Promise<void> {
  const log = await Log.open({
    directory,
    segmentBytes: SEGMENT_BYTES,
    maxQueuedBytes: SEGMENT_BYTES,
    witnesses: async () => (await loadSnapshots(directory)).witnesses,
    // Held already.
    lock: async () => ({ release: async () => undefined }),
  });
  const refusal = log.refusal(0);
  await log.close();
  if (refusal !== undefined) throw refusal;
}

/** Copies the bytes of all damage to quarantine; where each one's copy lies. */
async function quarantine(
  directory: LogDirectory,
  { damage }: RepairPlan,
  when: string,
): Promise<Map<Damage, string | undefined>> {
  const copies = new Map<Damage, string | undefined>();
  for (const one of damage) {
    const bytes = await damagedBytes(directory, one);
    if (bytes === undefined) continue;
    const { file, from, to, expected, found } = one;
    const offsets = { from, to: to ?? from };
    const why = `expected ${expected}, found ${found}`;
    copies.set(one, await copyToQuarantine(directory, { file, bytes, offsets, why, when }));
  }
  return copies;
}

/** The bytes that can't be read: up to the next batch that can, else to the last that isn't zero. */
async function damagedBytes(directory: LogDirectory, { file, byte, from, to }: Damage) {
  const [base] = segmentBases([file]);
  if (!(await directory.list()).includes(file)) return undefined;
  if (base === undefined) return { from: 0, to: (await readWholeFile(directory.fs, directory.file(file))).length };
  const segment = await SegmentReader.open(directory, base, { syncReads: false });
  try {
    const size = await segment.size();
    if (segment.header === undefined) return { from: 0, to: size };
    if (byte < HEADER_BYTES) return byte === 0 ? undefined : { from: 0, to: Math.min(size, HEADER_BYTES) };
    segment.moveTo({ byte, offset: from });
    if ((await segment.skipToLaterBatch(size, to ?? Number.MAX_SAFE_INTEGER)) === "found")
      return { from: byte, to: segment.byte };
    return { from: byte, to: await segment.endOfContent(byte) };
  } finally {
    await segment.close();
  }
}

/** Writes down what is missing: from here on everything passes, and the projection into MongoDB too where it is settled. */
async function commit(
  directory: LogDirectory,
  { missing }: RepairPlan,
  ranges: readonly MissingRange[],
  { mongodb, restoration }: Assessment,
): Promise<void> {
  const settles = isSettled(mongodb) && missing.firstUnsettled < Number.POSITIVE_INFINITY;
  if (!settles && ranges.length + restoration.records.length === 0 && missing.damaged === undefined) return;
  const all = withRestoredRecords([...missing.ranges, ...ranges], restoration.records);
  await writeMissingRanges(
    directory,
    all.map((range) => ({ ...range, settled: range.settled || isSettled(mongodb) })),
  );
}

async function takeAway(directory: LogDirectory, { kind, file, why }: DamagedFile, when: string): Promise<void> {
  if (kind === "snapshot") await moveToQuarantine(directory, file, why, when);
  else if (kind === "registration") {
    // Never without one: retention would take what the projection may need before it registers again.
    await copyFileToQuarantine(directory, file, why, when);
    const name = path.posix.basename(file, ".json");
    await writeRegistration(directory, { name, offset: 0, epoch: 0, nonce: "", updatedAt: when });
  }
}
