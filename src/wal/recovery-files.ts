import type { FileSystem } from "./file-system.js";
import type { SegmentHeader } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { readHeaderIfThere } from "./segment-header.js";
import { SegmentReader } from "./segment-reader.js";
import { readFully, writeFully } from "./whole-file.js";

/** What recovery.ts reads and writes besides the newest segment's batches. */

/** Segments between the newest and the one that it names as the one before: chained past, because they are empty. */
export async function emptySegmentsBefore(
  directory: LogDirectory,
  newest: SegmentHeader | undefined,
  bases: readonly number[],
): Promise<number[]> {
  const empty: number[] = [];
  if (newest === undefined) return empty;
  for (const base of bases) {
    if (base <= (newest.previous?.baseOffset ?? -1) || base >= newest.baseOffset) continue;
    const segment = await SegmentReader.open(directory, base, { syncReads: false });
    try {
      if (await isEmpty(segment)) empty.push(base);
    } finally {
      await segment.close();
    }
  }
  return empty;
}

/** Whether a segment holds no batch, as far as can be told: a torn one is none. */
export async function isEmpty(segment: SegmentReader): Promise<boolean> {
  if (segment.header === undefined || "batch" in (await segment.next())) return false;
  return (await segment.skipToLaterBatch(await segment.size(), Number.MAX_SAFE_INTEGER)) === "none";
}

/** The header of the newest segment that has one which can be read. */
export async function newestReadableHeader(directory: LogDirectory, bases: readonly number[]) {
  for (const base of bases.toReversed()) {
    const header = await readHeaderIfThere(directory, base);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Makes durable what may lie in the page cache only: a failed sync marks pages clean, so syncing them is not enough. */
export async function rewriteTail(fs: FileSystem, file: string, from: number, to: number): Promise<void> {
  if (to <= from) return;
  const handle = await fs.open(file, "update");
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(to - from, 1024 * 1024));
    for (let at = from; at < to; at += buffer.length) {
      const length = await readFully(handle, buffer.subarray(0, to - at), at);
      await writeFully(handle, buffer.subarray(0, length), at);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
