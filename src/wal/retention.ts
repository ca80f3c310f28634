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
  /** How long segments stay after their last batch, and how many bytes of them; `Infinity` for ever. */
  readonly ms: number;
  readonly bytes: number;
}

/** The damage that is known of, where more of it goes, and what repairs have written down as missing. */
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
 * Removes the oldest segments that are over a limit and that nobody needs: all of their offsets lie below `neededFrom`
 * (the older kept snapshot, every registered projection). The newest stays always; a damaged one, and with it all that
 * follow, stays for repair: a segment is read once more before it goes, since nobody may have read it since this process
 * began. Damage that has been repaired holds up nothing. Returns the base offsets removed.
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

/** What the next header says of a segment. */
interface Successor {
  /** Just after the segment's last batch. */
  readonly created: number;
  readonly end: PreviousSegment | undefined;
  /** The first offset behind whatever the segment may hold, and the next segment's base. */
  readonly bound: number;
  readonly nextBase: number;
  /** Headers between can't be read, and what they hold is written down as missing. */
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
 * Whether a segment holds all that it should up to its end, or what it lacks is written down; without a recorded end,
 * whether it is empty and was chained past, or what lies between it and the next one is written down.
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
