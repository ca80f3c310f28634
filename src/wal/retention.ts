import path from "node:path";
import type { Damage } from "./damage.js";
import type { FileSystem } from "./file-system.js";
import type { PreviousSegment } from "./format.js";
import { holdsNothing } from "./recovery-files.js";
import { segmentBases, segmentName } from "./segment-name.js";
import { readHeaderIfThere, SegmentReader } from "./segment-reader.js";

export interface RetentionLimits {
  /** How long segments stay after their last batch, and how many bytes of them; `Infinity` for ever. */
  readonly ms: number;
  readonly bytes: number;
}

/** The damage that is known of, and where more of it goes. */
export interface KnownDamage {
  has(file: string): boolean;
  report(damage: Damage): void;
}

/**
 * Removes the oldest segments that are over a limit and that nobody needs: all of their offsets lie below `neededFrom`
 * (the older kept snapshot, every registered projection). The newest stays always; a damaged one, and with it all that
 * follow, stays for repair: a segment is read once more before it goes, since nobody may have read it since this process
 * began. Returns the base offsets removed.
 */
export async function retain(
  fs: FileSystem,
  directory: string,
  limits: RetentionLimits,
  neededFrom: number,
  now: number,
  known: KnownDamage,
): Promise<number[]> {
  const bases = segmentBases(await fs.list(directory));
  const sizes = new Map<number, number>();
  let bytes = 0;
  for (const base of bases) {
    const size = await sizeOf(fs, directory, base);
    sizes.set(base, size);
    bytes += size;
  }
  const removed: number[] = [];
  for (const [index, base] of bases.entries()) {
    const nextBase = bases[index + 1];
    if (nextBase === undefined || known.has(segmentName(base))) break;
    // The next header says where this one ends, and was made just after its last batch.
    const next = await readHeaderIfThere(fs, directory, nextBase);
    if (next === undefined) break;
    const old = limits.ms !== Number.POSITIVE_INFINITY && now - next.created > limits.ms;
    if (!old && bytes <= limits.bytes) break;
    const end = next.previous?.baseOffset === base ? next.previous : undefined;
    if (end !== undefined && end.endOffset > neededFrom) break;
    if (!(await mayGo(fs, directory, base, end, known))) break;
    await fs.unlink(path.join(directory, segmentName(base)));
    // One at a time: a crash that kept a later removal and not an earlier one would leave a hole.
    await fs.syncDirectory(directory);
    bytes -= sizes.get(base) ?? 0;
    removed.push(base);
  }
  return removed;
}

/** Whether a segment holds all that it should up to its end; without one, whether it is empty and was chained past. */
async function mayGo(
  fs: FileSystem,
  directory: string,
  base: number,
  end: PreviousSegment | undefined,
  known: KnownDamage,
): Promise<boolean> {
  const segment = await SegmentReader.open(fs, directory, base, { syncReads: false });
  try {
    if (end === undefined) return await holdsNothing(segment);
    let invalid = segment.headerInvalid;
    while (invalid === undefined && segment.byte < end.endByte) {
      const step = await segment.next();
      if ("invalid" in step) invalid = step.invalid;
    }
    if (invalid === undefined && segment.byte === end.endByte && segment.offset === end.endOffset) return true;
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

async function sizeOf(fs: FileSystem, directory: string, base: number): Promise<number> {
  const file = await fs.open(path.join(directory, segmentName(base)), "read");
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}
