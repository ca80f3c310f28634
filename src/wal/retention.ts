import { segmentSize } from "./closed-segments.js";
import type { Damage } from "./damage.js";
import { EPOCH_GAP, type PreviousSegment } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import type { MissingRanges } from "./missing-ranges.js";
import { isEmpty } from "./recovery-files.js";
import { readHeaderIfThere } from "./segment-header.js";
import { segmentName } from "./segment-name.js";
import { SegmentReader } from "./segment-reader.js";

export interface RetentionLimits {
  /** The time that segments are kept after their last batch, and their total bytes; `Infinity` for no limit. */
  readonly ms: number;
  readonly bytes: number;
}

/** The damage found so far, a place to report more, and the ranges that repairs have recorded as missing. */
export interface KnownDamage {
  has(file: string): boolean;
  report(damage: Damage): void;
  readonly missing: MissingRanges;
}

export interface RetentionOptions {
  readonly limits: RetentionLimits;
  /** The lowest offset that something still needs. */
  readonly neededFrom: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly known: KnownDamage;
}

/**
 * Removes the oldest segments that are over a limit and not needed: all of their offsets are below `neededFrom` (the older
 * kept snapshot, every registered projection). The newest is always kept; a damaged one, and all after it, are kept for
 * repair: each segment is read again before it is removed, since this process may not have read it yet. Repaired damage
 * keeps nothing. Resolves to the base offsets removed.
 */
export async function removeOldSegments(
  directory: LogDirectory,
  { limits, neededFrom, now, known }: RetentionOptions,
): Promise<number[]> {
  const bases = await directory.segmentBases();
  const sizes = new Map<number, number>();
  let bytes = 0;
  for (const base of bases) {
    const size = await segmentSize(directory, base);
    sizes.set(base, size);
    bytes += size;
  }
  const removed: number[] = [];
  for (const [index, base] of bases.entries()) {
    const nextBase = bases[index + 1];
    if (nextBase === undefined || known.has(segmentName(base))) break;
    const successor = await successorOf(directory, { base, later: bases.slice(index + 1), missing: known.missing });
    if (successor === undefined) break;
    const old = limits.ms !== Number.POSITIVE_INFINITY && now - successor.created > limits.ms;
    if (!old && bytes <= limits.bytes) break;
    if (successor.end !== undefined && successor.end.endOffset > neededFrom) break;
    if (!(await isRemovable(directory, base, { successor, neededFrom, known }))) break;
    await directory.fs.unlink(directory.segment(base));
    // One at a time: a crash that kept a later removal and not an earlier one would leave a hole.
    await directory.sync();
    bytes -= sizes.get(base) ?? 0;
    removed.push(base);
  }
  return removed;
}

/** The facts about a segment in the next readable header. */
interface Successor {
  /** Just after the segment's last batch. */
  readonly created: number;
  readonly end: PreviousSegment | undefined;
  /** The first offset past all that the segment may have, and the next segment's base offset. */
  readonly bound: number;
  readonly nextBase: number;
  /** True if headers between can't be read, and their segments are recorded as missing. */
  readonly skipped: boolean;
}

async function successorOf(
  directory: LogDirectory,
  { base, later, missing }: { base: number; later: readonly number[]; missing: MissingRanges },
): Promise<Successor | undefined> {
  for (const [index, candidate] of later.entries()) {
    const header = await readHeaderIfThere(directory, candidate);
    if (header !== undefined) {
      const end = header.previous?.baseOffset === base ? header.previous : undefined;
      const nextBase = later[0] ?? candidate;
      const bound = index > 0 ? nextBase : (header.previous?.endOffset ?? nextBase);
      return { created: header.created, end, bound, nextBase, skipped: index > 0 };
    }
    const to = later[index + 1];
    if (to === undefined || !missing.covers({ file: segmentName(candidate), byte: 0, from: candidate, to })) break;
  }
  return undefined;
}

/**
 * True if a segment has all that it should up to its end, or what it lacks is recorded as missing; without a recorded end,
 * if it is empty and skipped by the chain, or what is between it and the next one is recorded as missing.
 */
async function isRemovable(
  directory: LogDirectory,
  base: number,
  { successor, neededFrom, known }: { successor: Successor; neededFrom: number; known: KnownDamage },
): Promise<boolean> {
  const { end, bound, nextBase, skipped } = successor;
  const segment = await SegmentReader.open(directory, base, { syncReads: false });
  try {
    if (end === undefined && (await isEmpty(segment))) return true;
    const endByte = end?.endByte ?? (await segment.size());
    const gone = (from: number, to: number) =>
      known.missing.covers({ file: segmentName(base), byte: segment.byte, from, to: Math.max(from, to) });
    let invalid = segment.headerInvalid;
    while (invalid === undefined && segment.byte < endByte) {
      const [byte, offset] = [segment.byte, segment.offset];
      const step = await segment.next();
      if ("batch" in step) continue;
      invalid = step.invalid;
      if ((await segment.skipToLaterBatch(endByte, bound)) !== "found") break;
      if (gone(offset, segment.offset) || segment.offset === offset) invalid = undefined;
      else segment.moveTo({ byte, offset });
    }
    if (end === undefined) {
      const isGap = skipped && bound - segment.offset >= EPOCH_GAP;
      return bound <= neededFrom && (segment.offset >= bound || isGap || gone(segment.offset, bound));
    }
    if (invalid === undefined && segment.byte === end.endByte && segment.offset === end.endOffset) return true;
    if (gone(segment.offset, end.endOffset > segment.offset ? end.endOffset : nextBase)) return true;
    known.report({
      file: segmentName(base),
      byte: segment.headerInvalid === undefined ? segment.byte : 0,
      from: segment.offset,
      to: end.endOffset > segment.offset ? end.endOffset : undefined,
      expected: `batches up to byte ${end.endByte} and offset ${end.endOffset}`,
      found: `the end at byte ${segment.byte} and offset ${segment.offset}`,
      ...invalid,
    });
    return false;
  } finally {
    await segment.close();
  }
}
