import type { Damage } from "./damage.js";
import { EPOCH_GAP, type Mismatch } from "./format.js";
import { segmentName } from "./segment-name.js";
import type { SegmentReader } from "./segment-reader.js";

/** Returns damage at the position where this segment is read; its end is not known yet. */
export function damageAt(segment: SegmentReader, invalid: Mismatch): Damage {
  return {
    file: segmentName(segment.baseOffset),
    byte: segment.byte,
    from: segment.offset,
    to: undefined,
    ...invalid,
  };
}

/**
 * Returns what is missing between a segment, which was read to its end, and the next one, whose header does not name it as
 * its predecessor; undefined if nothing is.
 */
export function brokenChain(segment: SegmentReader, next: SegmentReader, invalid: Mismatch): Damage | undefined {
  const previous = next.header?.previous;
  const isEmpty = segment.offset === segment.baseOffset;
  // Its own header is damaged, which is reported when its bytes are reached. Without it, only a rotation, which leaves no
  // gap, shows that this segment had more.
  if (next.header === undefined) {
    const missing = next.baseOffset - segment.offset;
    const isKnown = segment.header !== undefined && missing > (isEmpty ? 1 : 0) && missing < EPOCH_GAP;
    return isKnown ? { ...damageAt(segment, invalid), to: next.baseOffset } : undefined;
  }
  // An empty segment that an opening left is skipped by the chain.
  if (isEmpty && (previous === undefined || previous.baseOffset < segment.baseOffset)) return undefined;
  if (previous !== undefined && previous.endOffset <= segment.offset) return undefined;
  return {
    file: previous === undefined ? segmentName(next.baseOffset) : segmentName(previous.baseOffset),
    byte: 0,
    from: segment.offset,
    to: previous === undefined ? next.baseOffset : previous.endOffset,
    expected: "this segment between its neighbours",
    found: previous === undefined ? "a segment whose header names none before it" : "no such file",
  };
}

/** Returns the damage that a start noted if it found no segments, but a snapshot or a checkpoint of the log. */
export function segmentsLostBefore({ header, baseOffset }: SegmentReader): Damage | undefined {
  const previous = header?.previous;
  // As that start noted it; a header that a repair rewrote may not have the end of the segment before it.
  if (previous?.endByte !== 0 || previous.baseOffset !== previous.endOffset) return undefined;
  return {
    file: segmentName(baseOffset),
    byte: 0,
    from: previous.endOffset,
    to: baseOffset,
    expected: "the segments before this one",
    found: "none of them when it was begun",
  };
}
