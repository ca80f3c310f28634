import { systemCode } from "../../errors.js";
import { loadSnapshots } from "../../projection/snapshot/snapshot.js";
import { type DamagedHeader, overlayHeaders } from "../../wal/header-repair.js";
import type { Lock } from "../../wal/lock.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges, writeMissingRanges } from "../../wal/missing-ranges.js";
import { QUARANTINE_DIRECTORY, SNAPSHOT_DIRECTORY } from "../../wal/segment-name.js";
import type { Ask } from "../ask-mongodb.js";
import { logIdOf, openOnce } from "../log-directory.js";
import { type Finding, isSound } from "../verify/finding.js";
import { type Assessment, assess, isSettled } from "./assess.js";
import { isPlanned, type MisnamedSegment, newRanges, planRepair, type RepairPlan } from "./plan.js";
import { renewSnapshot } from "./renew-snapshot.js";
import { withRestoredRecords } from "./restored-records.js";
import { copyDamage, rebuildHeaders, setAside } from "./set-aside.js";
import { headerSteps, missingSteps, type Step, stepsOf } from "./steps.js";

export interface RepairOptions {
  readonly directory: LogDirectory;
  /** Undefined if no database is set. */
  readonly ask: Ask | undefined;
  /** Continues where MongoDB has more than the log, or may have. */
  readonly withoutMongodb: boolean;
  /** The idempotency window, for a snapshot that is made again. */
  readonly windowMs: number;
  readonly lock: (directory: string) => Promise<Lock>;
}

export interface Repair {
  readonly steps: readonly Step[];
  readonly assessment: Assessment | undefined;
  /** Files that a person has to rename first: then nothing was changed. */
  readonly byHand: readonly MisnamedSegment[];
}

/** The lock is taken: no other process writes. */
const LOCKED = { mayBeWritten: false };

/**
 * Returns what a repair would do, and the findings that it would leave, by reading alone. What an opening would find is
 * estimated: it bounds what is missing at the end.
 */
export async function dryRepair(options: RepairOptions): Promise<Repair & { readonly left: readonly Finding[] }> {
  let { directory } = options;
  const headers: DamagedHeader[] = [];
  let plan = await planRepair(directory);
  while (plan.headers.length > 0) {
    headers.push(...plan.headers);
    directory = overlayHeaders(directory, plan.headers);
    plan = await planRepair(directory);
  }
  plan = { ...plan, headers };
  const logId = await logIdOf(directory);
  const ranges = await newRanges(directory, plan, { copies: new Map(), repaired: new Date().toISOString() });
  const assessment = logId === undefined ? undefined : await assess(logId, { ...options, directory, plan, ranges });
  const left = plan.findings.filter((finding) => !isSound(finding) && !isPlanned(finding, plan, ranges));
  return { steps: stepsOf(plan, ranges, assessment), assessment, byHand: plan.byHand, left };
}

/**
 * Repairs a log. Whatever is removed is copied to quarantine first, and nothing counts before the list of missing ranges is
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
    let plan = await planRepair(directory, LOCKED);
    if (plan.byHand.length > 0) return { steps, assessment: undefined, byHand: plan.byHand };
    // A header that was written again makes the next one readable; one that can't be read all the same is lost.
    const rebuilt = new Set<number>();
    const isNew = ({ baseOffset }: DamagedHeader) => !rebuilt.has(baseOffset);
    while (plan.headers.some(isNew)) {
      for (const { baseOffset } of plan.headers) rebuilt.add(baseOffset);
      steps.push(...headerSteps(plan.headers));
      await rebuildHeaders(directory, plan, when);
      plan = await planRepair(directory, LOCKED);
    }
    // Before anything is counted again: an opening also rewrites the tail that a failed sync left in the cache alone.
    if (rebuilt.size > 0 || plan.healed.length > 0 || plan.damage.some(({ from, to }) => to !== from)) {
      steps.push(...missingSteps(await writeDownLostSegments(directory, plan, when)));
      // Then the next segment records where damage ends.
      const witnesses = async () => (await loadSnapshots(directory)).witnesses;
      await openOnce(directory, { witnesses, lock: async () => ({ release: async () => undefined }) });
      plan = await planRepair(directory, LOCKED);
    }
    const copies = await copyDamage(directory, plan.damage, when);
    const ranges = await newRanges(directory, plan, { copies, repaired: when });
    const logId = await logIdOf(directory);
    const assessment = logId === undefined ? undefined : await assess(logId, { ...options, plan, ranges });
    steps.push(...stepsOf(plan, ranges, assessment));
    if (assessment !== undefined) {
      await renewSnapshots(options, { plan, ranges, assessment, when });
      await commit(directory, { plan, ranges, assessment });
    }
    for (const file of plan.files) await setAside(directory, file, when);
    return { steps, assessment, byHand: [] };
  } finally {
    await lock.release();
  }
}

/**
 * Syncs all names: a repair that was killed may have left some in the cache alone, and a power cut would take back what this
 * one finds done.
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

/** Writes down segments that are all gone, before an opening makes a new one. */
async function writeDownLostSegments(directory: LogDirectory, plan: RepairPlan, when: string): Promise<MissingRange[]> {
  if ((await directory.segmentBases()).length > 0) return [];
  const ranges = await newRanges(directory, plan, { copies: new Map(), repaired: when });
  await writeMissingRanges(directory, [...plan.missing.ranges, ...ranges]);
  return ranges;
}

interface Assessed {
  readonly plan: RepairPlan;
  readonly ranges: readonly MissingRange[];
  readonly assessment: Assessment;
}

/** Replaces the snapshots that lack what is known by now. */
async function renewSnapshots(
  { directory, windowMs }: RepairOptions,
  { plan, ranges, assessment, when }: Assessed & { readonly when: string },
): Promise<void> {
  const { history, restoration } = assessment;
  const stale = new Set([...restoration.lacking, ...plan.healed]);
  if (history === undefined || stale.size === 0) return;
  const missing = new MissingRanges([...plan.missing.ranges, ...ranges]);
  const { records: restored } = restoration;
  await renewSnapshot(directory, { history, restored, missing, lacks: ranges, stale, windowMs }, when);
}

/** Writes down what is missing: from here on readers skip it, and so does the projection into MongoDB if it is settled. */
async function commit(directory: LogDirectory, { plan: { missing }, ranges, assessment }: Assessed): Promise<void> {
  const { mongodb, restoration } = assessment;
  const settles = isSettled(mongodb) && missing.firstUnsettled < Number.POSITIVE_INFINITY;
  if (!settles && ranges.length + restoration.records.length === 0 && missing.damaged === undefined) return;
  const all = withRestoredRecords([...missing.ranges, ...ranges], restoration.records);
  await writeMissingRanges(
    directory,
    all.map((range) => ({ ...range, settled: range.settled || isSettled(mongodb) })),
  );
}
