import type { Damage } from "./damage.js";
import { EPOCH_GAP, type Mismatch } from "./format.js";
import { segmentName } from "./segment-name.js";
import type { SegmentReader } from "./segment-reader.js";

/** What is wrong where this segment is read; it is not known yet how far that goes. */
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
 * The next segment's header does not name this one, which was read to its end, as its predecessor: why, as damage where
 * something is missing between them.
 */
export function brokenChain(segment: SegmentReader, next: SegmentReader, invalid: Mismatch): Damage | undefined {
  const previous = next.header?.previous;
  const isEmpty = segment.offset === segment.baseOffset;
  // Its own header is damaged: said when its bytes are reached. Without it only a rotation, which leaves no gap, tells
  // that this segment had more.
  if (next.header === undefined) {
    const missing = next.baseOffset - segment.offset;
    const isKnown = segment.header !== undefined && missing > (isEmpty ? 1 : 0) && missing < EPOCH_GAP;
    return isKnown ? { ...damageAt(segment, invalid), to: next.baseOffset } : undefined;
  }
  // An empty segment that an opening left behind is chained past.
  if (isEmpty && (previous === undefined || previous.baseOffset < segment.baseOffset)) return undefined;
  if (previous !== undefined && previous.endOffset <= segment.offset) return undefined;
  return {
    file: previous === undefined ? segmentName(next.baseOffset) : segmentName(previous.baseOffset),
    byte: 0,
    from: segment.offset,
    to: previous === undefined ? next.baseOffset : previous.endOffset,
    expected: "this segment between its neighbours",
    found: previous === undefined ? "a segment that knows of none before it" : "no such file",
  };
}

/** The oldest segment was begun by a start that found none at all, and a snapshot or a checkpoint that knew of some. */
export function segmentsLostBefore({ header, baseOffset }: SegmentReader): Damage | undefined {
  const previous = header?.previous;
  // As that start noted it; a header that a repair has written anew may not know where the segment before it ended.
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
