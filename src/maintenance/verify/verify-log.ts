import { setTimeout as sleep } from "node:timers/promises";
import { describeError, HitsError } from "../../errors.js";
import { storedHits } from "../../hit/record.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { LogEnd } from "../../wal/log-reader.js";
import { type MissingRanges, readMissingRanges, unreadableList } from "../../wal/missing-ranges.js";
import { segmentName } from "../../wal/segment-name.js";
import { type LogBatch, SegmentReader } from "../../wal/segment-reader.js";
import { readLog } from "../read-log.js";
import { type DamageFinding, damageFinding, type Finding, isSound, missingFinding } from "./finding.js";
import { checkSegments, type LogStart, startOfLog } from "./verify-segments.js";
import { WitnessCheck } from "./witness-check.js";
import {
  newestSound,
  readWitnessFiles,
  snapshotPath,
  type Witness,
  type WitnessFiles,
  witnessesOf,
  witnessFindings,
} from "./witnesses.js";

/** The result of reading every byte of a log. */
export interface Verification {
  readonly sound: boolean;
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly findings: readonly Finding[];
  /** The log's start and witnesses before the read, for a repair. */
  readonly start: LogStart | undefined;
  readonly witnesses: WitnessFiles;
  readonly missing: MissingRanges;
  /** Some segment's header can't be read, whether or not that is written down as missing. */
  readonly hasDamagedHeader: boolean;
}

export interface VerifyOptions {
  /** False if no writer can run: then bytes that look torn are. */
  readonly mayBeWritten: boolean;
}

/** Bytes that a writer is just writing look torn: they are read again this much later. */
const LOOK_AGAIN_MS = 200;
const LOOKS = 5;

/**
 * Reads every byte of a log's segments, snapshots and registrations, and judges them. A writer may run meanwhile. Throws
 * `OFFSET_GONE` or `ENOENT` if the server has removed what was to be read next.
 */
export async function verifyLog(
  directory: LogDirectory,
  { mayBeWritten }: VerifyOptions = { mayBeWritten: true },
): Promise<Verification> {
  // Before the segments: these only grow meanwhile, so records that a snapshot proves must then be found in them.
  const witnesses = await readWitnessFiles(directory);
  const start = await startOfLog(directory);
  const check = new WitnessCheck(witnessesOf(witnesses), start?.offset ?? 0);
  const findings: Finding[] = [];
  const missing = await readMissingRanges(directory);
  let records = 0;
  let end = start?.base ?? 0;
  let looks = 0;
  let last: LogEnd | undefined;
  const { segment, byte } = await readLog(
    { directory, missing },
    {
      batch(batch) {
        check.batch(batch);
        if (batch.missing === undefined) records += batch.count;
        end = batch.endOffset;
        findings.push(...undecodable(batch));
      },
      damage(damage) {
        findings.push(damageFinding(damage));
        check.coverUpTo(damage.to ?? 0);
      },
      async end(logEnd) {
        const torn = await tornTail(directory, logEnd, end);
        if (torn === undefined) return false;
        const isAtRest = !mayBeWritten || (last?.segment === logEnd.segment && last?.byte === logEnd.byte);
        if (isAtRest) findings.push(torn);
        if (isAtRest || ++looks > LOOKS) return false;
        last = logEnd;
        await sleep(LOOK_AGAIN_MS);
        return true;
      },
    },
  );
  const segments = await checkSegments(directory, segment);
  findings.push(...segments.findings, ...witnessFindings(witnesses, segments.logId));
  if (segment === undefined) findings.push(...withoutSegments(witnesses));
  else check.finish({ segment, byte, nonces: segments.nonces });
  if (check.findings.length > 0) await checkStart(directory, start?.base);
  findings.push(...check.findings, ...(await lostStart(directory, { start, witnesses, missing })));
  addRemembered(witnesses, findings, missing);
  if (missing.damaged !== undefined) findings.push(damageFinding(unreadableList(missing.damaged)));
  const open = findings.filter((one) => !isWrittenDown(one, missing));
  const all = [...open, ...missing.ranges.map(missingFinding)];
  return {
    sound: all.every(isSound),
    segments: segments.count,
    records,
    bytes: segments.bytes,
    snapshots: witnesses.snapshots.length,
    findings: all,
    start,
    witnesses,
    missing,
    hasDamagedHeader: segments.hasDamagedHeader,
  };
}

/** Returns whether damage that cost no record is written down, by its place: no reader skips it by its range. */
function isWrittenDown(finding: Finding, { ranges }: MissingRanges): boolean {
  if (finding.kind !== "damage") return false;
  const { file, byte, offset, damage } = finding;
  if (damage?.to !== undefined && damage.to > offset) return false;
  return ranges.some(
    (range) => range.file === file && range.byte === byte && range.from === offset && range.to === offset,
  );
}

function undecodable(batch: LogBatch): Finding[] {
  try {
    for (const _hit of storedHits(batch));
    return [];
  } catch (error) {
    if (!(error instanceof HitsError)) throw error;
    const place = { file: segmentName(batch.segment), byte: batch.byte, offset: batch.baseOffset };
    const expected = `${batch.count} records that this version can read`;
    return [{ kind: "damage", ...place, expected, found: describeError(error), damage: undefined }];
  }
}

/** Finds bytes after the newest segment's last valid batch. Nothing vouches for them, else they would be damage. */
async function tornTail(
  directory: LogDirectory,
  { segment: base, byte }: LogEnd,
  end: number,
): Promise<Finding | undefined> {
  if (base === undefined) return undefined;
  const segment = await SegmentReader.open(directory, base, { syncReads: false });
  try {
    // Without a header nothing in it can be told apart, and all of it is damage already.
    if (segment.header === undefined) return undefined;
    const length = (await segment.endOfContent(byte)) - byte;
    if (length === 0) return undefined;
    const found = `${length} bytes that are neither: a torn tail, never acknowledged; the next start removes it`;
    const place = { file: segmentName(base), byte, offset: Math.max(end, base) };
    return { kind: "torn tail", ...place, expected: "a batch, or zeros", found };
  } finally {
    await segment.close();
  }
}

/** Throws if retention has removed segments since the start was looked up: what seems missing may be among them. */
async function checkStart(directory: LogDirectory, base: number | undefined): Promise<void> {
  if ((await startOfLog(directory))?.base === base) return;
  throw new HitsError("OFFSET_GONE", `the oldest segments of ${directory.path} are being removed: try again`);
}

function withoutSegments(witnesses: WitnessFiles): DamageFinding[] {
  const [file, byte] = [segmentName(0), 0];
  const furthest = witnessesOf(witnesses).reduce<Witness | undefined>(
    (best, one) => (best !== undefined && best.offset >= one.offset ? best : one),
    undefined,
  );
  const expected = `records up to offset ${furthest?.offset}, which ${furthest?.file} has`;
  const damage = furthest && { file, byte, from: 0, to: undefined, expected, found: "no segment" };
  return witnesses.snapshots.slice(0, 1).map((snapshot) => {
    const found = `none, while ${snapshotPath(snapshot.file)} is a log's`;
    return {
      kind: "damage",
      file,
      byte,
      offset: Number.parseInt(snapshot.file, 10),
      expected: "segments",
      found,
      damage,
    };
  });
}

/** Retention leaves what is needed after a kept snapshot. If the log begins later, segments were removed otherwise. */
async function lostStart(
  directory: LogDirectory,
  { start, witnesses, missing }: Pick<Verification, "start" | "witnesses" | "missing">,
): Promise<DamageFinding[]> {
  if (start === undefined || start.offset <= (newestSound(witnesses.snapshots)?.offset ?? 0)) return [];
  // A newer snapshot may have been written during the read, and old segments removed because of it.
  const sound = newestSound((await readWitnessFiles(directory)).snapshots);
  const neededFrom = sound?.offset ?? 0;
  if (start.offset <= neededFrom) return [];
  const place = { file: segmentName(start.base), byte: 0 };
  if (missing.covers({ ...place, from: neededFrom, to: start.offset })) return [];
  const why =
    sound === undefined ? "there is no sound snapshot" : `the newest sound snapshot is at offset ${neededFrom}`;
  const expected = `segments from offset ${neededFrom} on`;
  const found = `this one as the oldest, at offset ${start.base}`;
  return [
    {
      kind: "damage",
      ...place,
      offset: neededFrom,
      expected: `${expected}, since ${why}`,
      found: `${found}: the totals are unknown`,
      damage: { ...place, from: neededFrom, to: start.offset, expected, found },
    },
  ];
}

/** Adds what snapshots remember as lacking: it is damage even if the segments no longer show it. */
function addRemembered({ snapshots }: WitnessFiles, findings: Finding[], missing: MissingRanges): void {
  const known = new Map<string, string[]>(findings.map((one) => [placeOf(one), []]));
  for (const { file, facts, invalid } of snapshots) {
    for (const damage of facts?.damage ?? []) {
      if (missing.covers(damage)) continue;
      let rememberedBy = known.get(placeOf(damage));
      if (rememberedBy === undefined) {
        rememberedBy = [];
        known.set(placeOf(damage), rememberedBy);
        const finding = damageFinding(damage);
        const found = `${finding.found}, as ${snapshotPath(file)} remembers`;
        findings.push({ ...finding, found, rememberedBy });
      }
      if (invalid === undefined) rememberedBy.push(file);
    }
  }
}

function placeOf({ file, byte }: { readonly file: string; readonly byte: number }): string {
  return `${file}:${byte}`;
}
