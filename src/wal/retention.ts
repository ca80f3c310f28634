import path from "node:path";
import type { FileSystem } from "./file-system.js";
import { segmentBases, segmentName } from "./segment-name.js";
import { readHeaderIfThere } from "./segment-reader.js";

export interface RetentionLimits {
  /** How long segments stay after their last batch, and how many bytes of them; `Infinity` for ever. */
  readonly ms: number;
  readonly bytes: number;
}

/**
 * Removes the oldest segments that are over a limit and that nobody needs: all of their offsets lie below `neededFrom`
 * (the older kept snapshot, every registered projection). The newest stays always; a damaged one, and with it all that
 * follow, stays for repair. Returns the base offsets removed.
 */
export async function retain(
  fs: FileSystem,
  directory: string,
  limits: RetentionLimits,
  neededFrom: number,
  now: number,
  isDamaged: (file: string) => boolean,
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
    if (nextBase === undefined || isDamaged(segmentName(base))) break;
    // The next header says where this one ends, and was made just after its last batch.
    const next = await readHeaderIfThere(fs, directory, nextBase);
    if (next?.previous?.baseOffset !== base || next.previous.endOffset > neededFrom) break;
    const old = limits.ms !== Number.POSITIVE_INFINITY && now - next.created > limits.ms;
    if (!old && bytes <= limits.bytes) break;
    await fs.unlink(path.join(directory, segmentName(base)));
    bytes -= sizes.get(base) ?? 0;
    removed.push(base);
  }
  if (removed.length > 0) await fs.syncDirectory(directory);
  return removed;
}

async function sizeOf(fs: FileSystem, directory: string, base: number): Promise<number> {
  const file = await fs.open(path.join(directory, segmentName(base)), "read");
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}
