import type { Damage } from "../../wal/damage.js";
import { EPOCH_GAP } from "../../wal/format.js";
import { type DamagedHeader, damagedHeaders, type RememberedEpoch } from "../../wal/header-repair.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRange, MissingRanges, unreadableList } from "../../wal/missing-ranges.js";
import { readHeaderIfThere } from "../../wal/segment-header.js";
import { MISSING_NAME, segmentName } from "../../wal/segment-name.js";
import type { Finding } from "../verify/finding.js";
import { type Verification, type VerifyOptions, verifyLog } from "../verify/verify-log.js";
import { newestSound, type WitnessFiles } from "../verify/witnesses.js";

/** A file that a repair moves out of the way. */
export interface DamagedFile {
  readonly kind: "snapshot" | "registration" | "list";
  /** Its path in the log directory. */
  readonly file: string;
  readonly why: string;
}

/** A segment under the name of another one, which a person has to rename. */
export interface MisnamedSegment {
  readonly file: string;
  /** The name that its header has. */
  readonly named: string;
}

/** The findings about a log, sorted by what a repair can do about them. Made by reading alone. */
export interface RepairPlan {
  /** Headers that can be written again: then their segments can be read. */
  readonly headers: readonly DamagedHeader[];
  /** Damage to be written down as missing, in the order of the log. */
  readonly damage: readonly Damage[];
  readonly files: readonly DamagedFile[];
  /** Snapshots that lack what can be read by now: their totals are made again. */
  readonly healed: readonly string[];
  readonly healedDamage: readonly Damage[];
  /** The ranges that are written down already. */
  readonly missing: MissingRanges;
  readonly byHand: readonly MisnamedSegment[];
  /** All that verify found. */
  readonly findings: readonly Finding[];
}

/** Verifies a log, and derives from the findings what a repair can do. Throws what `verifyLog` throws. */
export async function planRepair(directory: LogDirectory, options?: VerifyOptions): Promise<RepairPlan> {
  const verification = await verifyLog(directory, options);
  const { findings, missing } = verification;
  const headers = await headersOf(directory, verification);
  const bases = await directory.segmentBases();
  const isReadable = (base: number) => bases.includes(base) && headers.every(({ baseOffset }) => baseOffset !== base);
  // A misnamed file is left alone if its segment exists under its own name, too: it has nothing of its own.
  const misnamed = headers.filter(({ named }) => named !== undefined && !isReadable(named));
  const rebuilt = headers.filter(({ header }) => header !== undefined);
  const spared = new Set([...misnamed, ...rebuilt].map(({ baseOffset }) => segmentName(baseOffset)));
  const damage = damageIn(verification).filter(({ file, byte }) => !(byte === 0 && spared.has(file)));
  const remembered = rememberedDamage(verification, damage);
  const list = missing.damaged === undefined ? [] : [unreadableList(missing.damaged)];
  return {
    headers: rebuilt,
    damage: [...damage, ...list, ...remembered.damage],
    files: damagedFiles(verification),
    healed: remembered.healed,
    healedDamage: remembered.healedDamage,
    missing,
    byHand: misnamed.map(({ baseOffset, named = 0 }) => ({ file: segmentName(baseOffset), named: segmentName(named) })),
    findings,
  };
}

/**
 * Returns the ranges to be written down for this damage, besides those that are. `copies` has the path of each copy in
 * quarantine. If the extent of damage is unknown, it goes up to the next segment, or (in a plan only) up to where an opening
 * would continue.
 */
export async function newRanges(
  directory: LogDirectory,
  { damage, missing }: RepairPlan,
  { copies, repaired }: { readonly copies: ReadonlyMap<Damage, string | undefined>; readonly repaired: string },
): Promise<MissingRange[]> {
  const ranges: MissingRange[] = [];
  let known = missing;
  for (const one of damage) {
    const { file, byte, from, expected, found } = one;
    const { to, open } = await endOfDamage(directory, one);
    const parts = to === from ? [{ from, to }] : known.uncovered(from, to);
    const fixed = { open, expected, found, repaired, quarantine: copies.get(one) ?? null, settled: false };
    for (const part of parts) {
      const range = { file, byte, ...part, ...fixed, restoredRecords: [] };
      ranges.push(range);
      known = new MissingRanges([...known.ranges, range]);
    }
  }
  return ranges;
}

/** Returns whether a repair by this plan deals with a finding. */
export function isPlanned(finding: Finding, plan: RepairPlan, ranges: readonly MissingRange[]): boolean {
  const { kind, file, byte, offset } = finding;
  if (plan.files.some((one) => one.file === file)) return true;
  if (plan.headers.some((one) => segmentName(one.baseOffset) === file)) return true;
  if (kind !== "damage") return ranges.some(({ from, to }) => offset > from && offset <= to);
  return [...plan.damage, ...plan.healedDamage].some((one) => one.file === file && one.byte === byte);
}

/** Searches for the epochs of headers that can't be read: that needs the files whole, and all epochs that are remembered. */
async function headersOf(directory: LogDirectory, { hasDamagedHeader, witnesses }: Verification) {
  if (!hasDamagedHeader) return [];
  return await damagedHeaders(directory, rememberedEpochs(witnesses), newestSound(witnesses.snapshots)?.logId);
}

function rememberedEpochs({ snapshots, registrations }: WitnessFiles): RememberedEpoch[] {
  const facts = snapshots.flatMap(({ facts }) => (facts === undefined ? [] : [facts]));
  return [...facts, ...registrations.flatMap((one) => (one.nonce === "" ? [] : [one, ...(one.epochs ?? [])]))];
}

/** Returns the damage that a reader meets or that witnesses prove at the log's ends, in the order of the log. */
function damageIn({ findings, missing, start }: Verification): Damage[] {
  const damage: Damage[] = [];
  let lostEnd: Damage | undefined;
  for (const one of findings) {
    if (one.kind === "damage" && one.rememberedBy === undefined) {
      if (one.damage !== undefined && one.file !== MISSING_NAME) damage.push(one.damage);
    } else if (one.kind === "snapshot" || one.kind === "registration") {
      if ((one.lostEnd?.to ?? 0) > (lostEnd?.to ?? 0)) lostEnd = one.lostEnd;
    }
  }
  damage.sort((a, b) => a.from - b.from);
  // Damage of unknown extent includes the end.
  if (lostEnd !== undefined && damage.every(({ to }) => to !== undefined)) damage.push(lostEnd);
  // A log without a segment is opened, even if what it lacks was written down before a crash.
  return damage.filter((one) => start === undefined || !missing.covers(one));
}

/** Sorts the damage that only snapshots remember: its records can be read by now, or are gone with their segments. */
function rememberedDamage({ findings, start }: Verification, met: readonly Damage[]) {
  const damage: Damage[] = [];
  const healed = new Set<string>();
  const healedDamage: Damage[] = [];
  for (const finding of findings) {
    if (finding.kind !== "damage" || finding.damage === undefined) continue;
    const { rememberedBy = [], damage: one } = finding;
    if (rememberedBy.length === 0 || [...met, ...damage].some((other) => isPartOf(one, other))) continue;
    const isReadable = start !== undefined && start.offset <= one.from && one.file !== MISSING_NAME;
    if (isReadable) {
      for (const file of rememberedBy) healed.add(file);
      healedDamage.push(one);
    } else damage.push({ ...one, to: one.to ?? one.from });
  }
  return { damage, healed: [...healed], healedDamage };
}

function isPartOf(one: Damage, other: Damage): boolean {
  if (one.file === other.file && one.byte === other.byte && one.from === other.from) return true;
  if (one.from < other.from) return false;
  return other.to === undefined ? one.file === other.file : (one.to ?? one.from) <= other.to;
}

function damagedFiles({ findings, missing }: Verification): DamagedFile[] {
  const files: DamagedFile[] = findings.flatMap((one) => {
    if (one.kind !== "snapshot" && one.kind !== "registration") return [];
    return one.invalid === undefined ? [] : [{ kind: one.kind, file: one.file, why: one.invalid }];
  });
  if (missing.damaged !== undefined) files.push({ kind: "list", file: MISSING_NAME, why: missing.damaged });
  return files;
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
  // At an epoch's end nothing tells how far it went: no other offsets come before the next epoch's.
  const next = bases.find((base) => base >= to);
  const header = next === undefined ? undefined : await readHeaderIfThere(directory, next);
  const isRecorded = header?.previous?.endOffset === to;
  return { to: next !== undefined && isRecorded ? next : to, open: next === to && !isRecorded };
}
