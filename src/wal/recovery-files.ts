import type { FileSystem } from "./file-system.js";
import type { SegmentHeader } from "./format.js";
import type { LogDirectory } from "./log-directory.js";
import { readHeaderIfThere } from "./segment-header.js";
import { SegmentReader } from "./segment-reader.js";
import { readFully, writeFully } from "./whole-file.js";

/** The reads and writes of recovery.ts besides the newest segment's batches. */

/** Finds the empty segments between the newest and the one that it names as its predecessor. */
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

/** True if no batch is found in a segment; a torn one does not count. */
export async function isEmpty(segment: SegmentReader): Promise<boolean> {
  if (segment.header === undefined || "batch" in (await segment.next())) return false;
  return (await segment.skipToLaterBatch(await segment.size(), Number.MAX_SAFE_INTEGER)) === "none";
}

/** Reads the newest header that can be read. */
export async function newestReadableHeader(directory: LogDirectory, bases: readonly number[]) {
  for (const base of bases.toReversed()) {
    const header = await readHeaderIfThere(directory, base);
    if (header !== undefined) return header;
  }
  return undefined;
}

/** Writes bytes again that may be in the page cache only: a failed sync marks pages clean, so a sync is not enough. */
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
