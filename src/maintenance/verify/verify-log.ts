import { setTimeout as sleep } from "node:timers/promises";
import { describeError, HitsError } from "../../errors.js";
import { storedHits } from "../../hit/record.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import type { LogEnd } from "../../wal/log-reader.js";
import { type MissingRanges, readMissingRanges, unreadableList } from "../../wal/missing-ranges.js";
import { segmentName } from "../../wal/segment-name.js";
import { type LogBatch, SegmentReader } from "../../wal/segment-reader.js";
import { readLog } from "../read-log.js";
import { damageFinding, type Finding, isSound, missingFinding } from "./finding.js";
import { segmentFindings, startOfLog } from "./verify-segments.js";
import { Vouchers } from "./vouchers.js";
import { newestSound, readWitnesses, snapshotPath, vouchersOf, type Witnesses, witnessFindings } from "./witnesses.js";

export interface Verification {
  readonly sound: boolean;
  readonly segments: number;
  readonly records: number;
  readonly bytes: number;
  readonly snapshots: number;
  readonly findings: readonly Finding[];
}

/** Bytes that a writer has just begun to write look torn: they are looked at again this much later. */
const LOOK_AGAIN_MS = 200;
const LOOKS = 5;

/**
 * Reads every byte of a log's segments, snapshots and registrations, and judges them. A writer may go on meanwhile. Throws
 * `OFFSET_GONE` or `ENOENT` when the server has removed what was to be read next.
 */
export async function verifyLog(directory: LogDirectory): Promise<Verification> {
  // Before the segments: these only grow meanwhile, so whatever a snapshot knows of must then be found in them.
  const witnesses = await readWitnesses(directory);
  const start = await startOfLog(directory);
  const vouchers = new Vouchers(vouchersOf(witnesses), start?.offset ?? 0);
  const findings: Finding[] = [];
  const missing = await readMissingRanges(directory);
  let records = 0;
  let end = start?.base ?? 0;
  let looks = 0;
  let torn: Finding | undefined;
  let last: LogEnd | undefined;
  const { segment: newest } = await readLog(
    { directory, missing },
    {
      batch(batch) {
        vouchers.batch(batch);
        if (batch.missing === undefined) records += batch.count;
        end = batch.endOffset;
        decode(batch, findings);
      },
      damage(damage) {
        findings.push(damageFinding(damage));
        vouchers.covered(damage.to ?? 0);
      },
      async end(logEnd) {
        const isSame = last?.segment === logEnd.segment && last?.byte === logEnd.byte;
        if (torn !== undefined && isSame) {
          findings.push(torn);
          return false;
        }
        last = logEnd;
        torn = await tornTail(directory, logEnd, end);
        if (torn === undefined || ++looks > LOOKS) return false;
        await sleep(LOOK_AGAIN_MS);
        return true;
      },
    },
  );
  const segments = await segmentFindings(directory, newest);
  findings.push(...segments.findings, ...witnessFindings(witnesses, segments.logId));
  if (newest === undefined) findings.push(...withoutSegments(witnesses));
  else vouchers.end(newest, segments.nonces);
  if (vouchers.findings.length > 0) await checkStart(directory, start?.base);
  findings.push(...vouchers.findings, ...(await missingStart(directory, start, witnesses, missing)));
  addRemembered(witnesses, findings, missing);
  if (missing.damaged !== undefined) findings.push(damageFinding(unreadableList(missing.damaged)));
  // Written down by its place, where it cost no record and so has no range to be met by a reader.
  const open = findings.filter((one) => !isWrittenDown(one, missing));
  findings.splice(0, findings.length, ...open, ...missing.ranges.map(missingFinding));
  return {
    sound: findings.every(isSound),
    segments: segments.count,
    records,
    bytes: segments.bytes,
    snapshots: witnesses.snapshots.length,
    findings,
  };
}

function isWrittenDown({ kind, file, byte, offset }: Finding, { ranges }: MissingRanges): boolean {
  if (kind !== "damage") return false;
  return ranges.some(
    (range) => range.file === file && range.byte === byte && range.from === offset && range.to === offset,
  );
}

function decode(batch: LogBatch, findings: Finding[]): void {
  try {
    for (const _hit of storedHits(batch));
  } catch (error) {
    if (!(error instanceof HitsError)) throw error;
    findings.push({
      kind: "damage",
      file: segmentName(batch.segment),
      byte: batch.byte,
      offset: batch.baseOffset,
      expected: `${batch.count} records that this version can read`,
      found: describeError(error),
    });
  }
}

/** Bytes behind the last valid batch of the newest segment. Nothing vouches for them, else the reader called it damage. */
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
    const found = `${length} bytes that are none: a torn tail, never acknowledged; the next start cuts it`;
    return {
      kind: "torn tail",
      file: segmentName(base),
      byte,
      offset: Math.max(end, base),
      expected: "a batch, or zeros",
      found,
    };
  } finally {
    await segment.close();
  }
}

/** Where retention has moved on since the start was looked up, what seems missing may have been removed in order. */
async function checkStart(directory: LogDirectory, base: number | undefined): Promise<void> {
  if ((await startOfLog(directory))?.base === base) return;
  throw new HitsError("OFFSET_GONE", `the oldest segments of ${directory.path} are being removed: try again`);
}

function withoutSegments({ snapshots }: Witnesses): Finding[] {
  return snapshots.slice(0, 1).map(({ file }) => ({
    kind: "damage",
    file: segmentName(0),
    byte: 0,
    offset: Number.parseInt(file, 10),
    expected: "segments",
    found: `none, while ${snapshotPath(file)} knows of a log`,
  }));
}

/** Retention leaves what is behind a kept snapshot. Where the log begins later than that, somebody else took segments. */
async function missingStart(
  directory: LogDirectory,
  start: { readonly offset: number; readonly base: number } | undefined,
  witnesses: Witnesses,
  missing: MissingRanges,
): Promise<Finding[]> {
  if (start === undefined || start.offset <= (newestSound(witnesses.snapshots)?.offset ?? 0)) return [];
  // A newer snapshot may have been written since, and old segments removed because of it.
  const now = newestSound((await readWitnesses(directory)).snapshots);
  const neededFrom = now?.offset ?? 0;
  if (start.offset <= neededFrom) return [];
  if (missing.covers({ file: segmentName(start.base), byte: 0, from: neededFrom, to: start.offset })) return [];
  const why = now === undefined ? "there is no sound snapshot" : `the newest sound snapshot is at offset ${neededFrom}`;
  return [
    {
      kind: "damage",
      file: segmentName(start.base),
      byte: 0,
      offset: neededFrom,
      expected: `segments from offset ${neededFrom} on, since ${why}`,
      found: `this one as the oldest, at offset ${start.base}: the totals can't be told`,
    },
  ];
}

/** What a snapshot's totals lack, as it says itself, is damage even where the segments no longer show it. */
function addRemembered({ snapshots }: Witnesses, findings: Finding[], missing: MissingRanges): void {
  const known = new Set(findings.map(({ file, byte }) => `${file}:${byte}`));
  for (const { file, facts } of snapshots) {
    for (const damage of facts?.damage ?? []) {
      const key = `${damage.file}:${damage.byte}`;
      if (known.has(key) || missing.covers(damage)) continue;
      known.add(key);
      const finding = damageFinding(damage);
      findings.push({ ...finding, found: `${finding.found}, as ${snapshotPath(file)} remembers` });
    }
  }
}
