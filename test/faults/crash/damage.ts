import path from "node:path";
import { storedHits } from "../../../src/hit/record.js";
import { HEADER_BYTES } from "../../../src/wal/format.js";
import { LogReader } from "../../../src/wal/log-reader.js";
import { segmentName } from "../../../src/wal/segment-name.js";
import type { MemoryFileSystem } from "../../support/memory-file-system.js";
import { keyIn } from "./ledger.js";
import { DIRECTORY, directoryOn } from "./server.js";

interface Batch {
  readonly segment: number;
  readonly byte: number;
  readonly endByte: number;
  readonly endOffset: number;
  readonly keys: readonly number[];
}

/**
 * Changes bytes in one segment, in place of a header or of batches that all end at or below an offset, so that something
 * after them proves that they were there. Returns the ledger's numbers of their hits; undefined if no batch is so old, or
 * if the bytes were the same.
 */
export async function damage(
  fs: MemoryFileSystem,
  below: number,
  random: () => number,
): Promise<ReadonlySet<number> | undefined> {
  const upTo = (max: number) => 1 + Math.floor(random() * max);
  const all = await batchesOf(fs.fork());
  const old = all.filter(({ endOffset }) => endOffset <= below);
  const first = old[Math.floor(random() * old.length)];
  if (first === undefined) return undefined;
  const file = path.join(DIRECTORY, segmentName(first.segment));
  const inSegment = old.filter(({ segment }) => segment === first.segment);
  const end = Math.max(...inSegment.map(({ endByte }) => endByte));
  // Without any header nothing identifies the log: an opening refuses that, and so does a repair.
  const isHeader = random() < 0.15 && all.some(({ segment }) => segment > first.segment);
  const from = isHeader ? upTo(40) : first.byte + Math.floor(random() * (first.endByte - first.byte));
  const to = Math.min(isHeader ? HEADER_BYTES : end, from + upTo(random() < 0.5 ? 8 : 4096));
  const content = fs.content(file).subarray(from, to);
  const isZeroed = random() < 0.3;
  const bytes = content.map((byte) => (isZeroed ? 0 : byte ^ upTo(255)));
  if (content.equals(bytes)) return undefined;
  fs.damage(file, Buffer.from(bytes), from);
  const hit = isHeader ? inSegment : inSegment.filter(({ byte, endByte }) => byte < to && endByte > from);
  return new Set(hit.flatMap(({ keys }) => keys));
}

/** The batches of segments' own bytes. Where a header is damaged, none of the segment. */
async function batchesOf(fs: MemoryFileSystem): Promise<Batch[]> {
  const reader = new LogReader({ directory: directoryOn(fs), from: undefined });
  const batches: Batch[] = [];
  try {
    for (;;) {
      const step = await reader.next();
      if ("end" in step) return batches;
      if (!("batch" in step) || step.batch.missing !== undefined || step.batch.count === 0) continue;
      const { segment, byte, endByte, endOffset } = step.batch;
      const keys = [...storedHits(step.batch)].map(({ payload }) => keyIn(payload));
      batches.push({ segment, byte, endByte, endOffset, keys });
    }
  } finally {
    await reader.close();
  }
}
