import type { Damage } from "./damage.js";
import type { SegmentHeader } from "./format.js";
import type { MissingRange, MissingRanges } from "./missing-ranges.js";
import type { LogBatch } from "./segment-reader.js";

/** A reader's position: the current segment's base offset, and the last header that could be read. */
export interface ReaderPlace {
  readonly segment: number;
  readonly header: SegmentHeader | undefined;
}

/** The batches that a reader returns in place of damage that a repair has recorded: each missing range and restored record once. */
export class MissingBatches {
  readonly ranges: MissingRanges;
  /** Missing offsets below this one were not requested, or have been returned. */
  #from: number;

  constructor(ranges: MissingRanges, from: number) {
    this.ranges = ranges;
    this.#from = from;
  }

  /**
   * Returns batches in place of this damage and of whatever else is missing up to an offset, in the order of the log.
   * Undefined if not all of the damage is recorded as missing.
   */
  insteadOf(damage: Damage, upTo: number, place: ReaderPlace): LogBatch[] | undefined {
    if (!this.ranges.covers(damage)) return undefined;
    const end = Math.max(upTo, damage.to ?? this.ranges.endOfMissing(damage.from));
    const from = Math.max(this.#from, damage.from);
    const batches: LogBatch[] = [];
    for (const range of this.ranges.ranges) {
      if (range.to <= from || range.from >= end) continue;
      const to = Math.min(range.to, end);
      for (const { offset, record } of range.restoredRecords) {
        if (offset >= from && offset < to)
          batches.push(missingBatch(range, place, { offset, endOffset: offset + 1, record }));
      }
      batches.push(
        missingBatch(range, place, { offset: Math.max(range.from, from), endOffset: to, record: undefined }),
      );
      this.#from = to;
    }
    return batches;
  }
}

interface MissingPart {
  readonly offset: number;
  readonly endOffset: number;
  /** Undefined for the range itself. */
  readonly record: Buffer | undefined;
}

function missingBatch(
  missing: MissingRange,
  { segment, header }: ReaderPlace,
  { offset, endOffset, record }: MissingPart,
): LogBatch {
  const buffer = record ?? Buffer.alloc(0);
  return {
    baseOffset: offset,
    count: record === undefined ? 0 : 1,
    endOffset,
    time: Date.parse(missing.repaired),
    epoch: header?.epoch ?? 0,
    nonce: header?.nonce ?? "",
    segment,
    byte: missing.byte,
    endByte: missing.byte,
    buffer,
    recordsStart: 0,
    recordsEnd: buffer.length,
    missing,
  };
}
