import path from "node:path";
import type { Damage } from "../../wal/damage.js";
import { EPOCH_GAP } from "../../wal/format.js";
import { damagedHeaders, type RememberedEpoch } from "../../wal/header-repair.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges, readMissingRanges, unreadableList } from "../../wal/missing-ranges.js";
import { readHeaderIfThere } from "../../wal/segment-header.js";
import { MISSING_NAME, PROJECTION_DIRECTORY, segmentName } from "../../wal/segment-name.js";
import { readLog } from "../read-log.js";
import type { Finding } from "../verify/finding.js";
import { startOfLog } from "../verify/verify-segments.js";
import { newestSound, readWitnesses, snapshotPath, vouchersOf, type Witnesses } from "../verify/witnesses.js";

/** A file that is to be taken out of the way whole. */
export interface DamagedFile {
  readonly kind: "snapshot" | "registration" | "list";
  /** Its path in the log directory. */
  readonly file: string;
  readonly why: string;
}

/** What is wrong with a log, sorted by what can be done about it. Made by reading alone. */
export interface RepairPlan {
  /** Headers that can be written anew: then their segments can be read. */
  readonly headers: Awaited<ReturnType<typeof damagedHeaders>>;
  /** Offsets to be written down as missing, in the order of the log. */
  readonly damage: readonly Damage[];
  readonly files: readonly DamagedFile[];
  /** Snapshots that say they lack what can be read by now: their totals are to be made anew. */
  readonly healed: readonly string[];
  readonly healedDamage: readonly Damage[];
  /** What is written down already. */
  readonly missing: MissingRanges;
  /** What nobody but a person can put right, and how. */
  readonly byHand: readonly string[];
}

export async function planRepair(directory: LogDirectory): Promise<RepairPlan> {
  const witnesses = await readWitnesses(directory);
  const missing = await readMissingRanges(directory);
  const bases = await directory.segmentBases();
  const id = newestSound(witnesses.snapshots)?.logId;
  const headers = await damagedHeaders(directory, rememberedEpochs(witnesses), id);
  // A file whose segment is there under its own name too holds nothing of its own.
  const misnamed = headers.filter(({ named }) => named !== undefined && !isReadable(named, bases, headers));
  const rebuilt = headers.filter(({ header }) => header !== undefined);
  const spared = new Set([...misnamed, ...rebuilt].map(({ baseOffset }) => segmentName(baseOffset)));
  const found = await damageOf(directory, missing, witnesses);
  const damage = found.filter(({ file, byte }) => !(byte === 0 && spared.has(file)));
  const remembered = await rememberedDamage(directory, witnesses, missing, damage);
  if (missing.damaged !== undefined) damage.push(unreadableList(missing.damaged));
  return {
    headers: rebuilt,
    damage: [...damage, ...remembered.damage],
    files: damagedFiles(witnesses, missing),
    healed: remembered.healed,
    healedDamage: remembered.healedDamage,
    missing,
    byHand: misnamed.map(
      ({ baseOffset, named }) =>
        `${segmentName(baseOffset)} has the name of another segment: its header says ${segmentName(named ?? 0)}, ` +
        "which is not there or misnamed too. Stop the server, rename it, and run this again",
    ),
  };
}

/**
 * The ranges to be written down for this damage, beside what is. `copies` says where each one's bytes are kept. Where nothing
 * says how far it goes, it goes up to the next segment, or (in a plan only) as far as an opening would leave a gap.
 */
export async function newRanges(
  directory: LogDirectory,
  { damage, missing }: RepairPlan,
  copies: ReadonlyMap<Damage, string | undefined>,
  repaired: string,
): Promise<MissingRange[]> {
  const ranges: MissingRange[] = [];
  let known = missing;
  for (const one of damage) {
    const { file, byte, from, expected, found } = one;
    const { to, open } = await endOfDamage(directory, one);
    const parts = to === from ? [{ from, to }] : known.uncovered(from, to);
    const quarantine = copies.get(one) ?? null;
    for (const part of parts) {
      const range = {
        file,
        byte,
        ...part,
        open,
        expected,
        found,
        repaired,
        quarantine,
        settled: false,
        restoredRecords: [],
      };
      ranges.push(range);
      known = new MissingRanges([...known.ranges, range]);
    }
  }
  return ranges;
}

async function endOfDamage(
  directory: LogDirectory,
  { file, from, to }: Damage,
): Promise<{ to: number; open: boolean }> {
  if (file === MISSING_NAME || to === from) return { to: from, open: false };
  const bases = await directory.segmentBases();
  if (to === undefined) {
    const own = Number.parseInt(file, 10);
    const next = bases.find((base) => base > from && base > own) ?? Math.max(from, bases.at(-1) ?? 0) + EPOCH_GAP;
    return { to: next, open: true };
  }
  // At an epoch's end nothing says how far it went: nothing else has offsets up to the next one's begin.
  const next = bases.find((base) => base >= to);
  const header = next === undefined ? undefined : await readHeaderIfThere(directory, next);
  const isRecorded = header?.previous?.endOffset === to;
  return { to: next !== undefined && isRecorded ? next : to, open: next === to && !isRecorded };
}

/** What a reader meets, and what lies before the first segment or behind the last record, as others know. */
async function damageOf(directory: LogDirectory, missing: MissingRanges, witnesses: Witnesses): Promise<Damage[]> {
  const damage: Damage[] = [];
  const start = await startOfLog(directory);
  const sound = newestSound(witnesses.snapshots)?.offset ?? 0;
  if (start !== undefined && start.offset > sound) {
    const expected = `segments from offset ${sound} on`;
    const found = `this one as the oldest, at offset ${start.base}`;
    damage.push({ file: segmentName(start.base), byte: 0, from: sound, to: start.offset, expected, found });
  }
  const reading = await readLog({ directory, missing }, { batch: () => undefined });
  damage.push(...reading.damage);
  const isEndKnown = reading.damage.every(({ to }) => to !== undefined);
  const end = isEndKnown ? Math.max(start?.offset ?? 0, reading.end) : Number.POSITIVE_INFINITY;
  const { segment, byte } = reading;
  const furthest = vouchersOf(witnesses).sort((a, b) => b.offset - a.offset)[0];
  if (furthest !== undefined && furthest.offset > Math.max(end, segment ?? 0)) {
    const expected = `records up to offset ${furthest.offset}, which ${furthest.file} has`;
    const [file, found] = [segmentName(segment ?? 0), `the end at offset ${end}`];
    damage.push({ file, byte, from: end, to: segment === undefined ? undefined : furthest.offset, expected, found });
  } else if (segment === undefined && furthest !== undefined) {
    const expected = `segments behind offset ${furthest.offset}, which ${furthest.file} has`;
    damage.push({ file: segmentName(0), byte: 0, from: furthest.offset, to: undefined, expected, found: "none" });
  }
  // A log without a segment is to be opened, also where what it lacks was written down before a crash.
  return damage.filter((one) => segment === undefined || !missing.covers(one));
}

/** What snapshots say they lack, beside what a reader meets: still there to be read by now, or gone with its segments. */
async function rememberedDamage(
  directory: LogDirectory,
  { snapshots }: Witnesses,
  missing: MissingRanges,
  met: readonly Damage[],
): Promise<{ damage: Damage[]; healed: string[]; healedDamage: Damage[] }> {
  const start = await startOfLog(directory);
  const damage: Damage[] = [];
  const healed = new Set<string>();
  const healedDamage: Damage[] = [];
  for (const { file, facts, invalid } of snapshots) {
    if (invalid !== undefined) continue;
    for (const one of facts?.damage ?? []) {
      const isMet = [...met, ...damage].some((other) => isSame(one, other));
      if (isMet || missing.covers(one)) continue;
      const isThere = start !== undefined && start.offset <= one.from && one.file !== MISSING_NAME;
      if (isThere) {
        healed.add(file);
        healedDamage.push(one);
      } else damage.push({ ...one, to: one.to ?? one.from });
    }
  }
  return { damage, healed: [...healed], healedDamage };
}

/** Whether a repair deals with a finding of verify. */
export function isPlanned(finding: Finding, plan: RepairPlan, ranges: readonly MissingRange[]): boolean {
  const { kind, file, byte, offset } = finding;
  if (plan.files.some((one) => one.file === file) || plan.headers.some((one) => segmentName(one.baseOffset) === file)) {
    return true;
  }
  if (kind !== "damage") return ranges.some(({ from, to }) => offset > from && offset <= to);
  return [...plan.damage, ...plan.healedDamage].some((one) => one.file === file && one.byte === byte);
}

function isSame(one: Damage, other: Damage): boolean {
  if (one.file === other.file && one.byte === other.byte && one.from === other.from) return true;
  return (
    one.from >= other.from && (other.to === undefined ? one.file === other.file : (one.to ?? one.from) <= other.to)
  );
}

function damagedFiles(witnesses: Witnesses, missing: MissingRanges): DamagedFile[] {
  const files: DamagedFile[] = [];
  for (const { file, invalid } of witnesses.snapshots) {
    if (invalid !== undefined) files.push({ kind: "snapshot", file: snapshotPath(file), why: invalid });
  }
  for (const { name, damaged } of witnesses.registrations) {
    const file = path.posix.join(PROJECTION_DIRECTORY, `${name}.json`);
    if (damaged !== undefined) files.push({ kind: "registration", file, why: damaged });
  }
  if (missing.damaged !== undefined) files.push({ kind: "list", file: MISSING_NAME, why: missing.damaged });
  return files;
}

function rememberedEpochs({ snapshots, registrations }: Witnesses): RememberedEpoch[] {
  const facts = snapshots.flatMap(({ facts }) => (facts === undefined ? [] : [facts]));
  return [...facts, ...registrations.flatMap((one) => (one.nonce === "" ? [] : [one, ...(one.epochs ?? [])]))];
}

function isReadable(
  named: number,
  bases: readonly number[],
  damaged: readonly { readonly baseOffset: number }[],
): boolean {
  return bases.includes(named) && !damaged.some(({ baseOffset }) => baseOffset === named);
}
