import type { MissingRange } from "../../src/wal/missing-ranges.js";
import { segmentName } from "../../src/wal/segment-name.js";

/** Returns a missing range as a repair records it, by default for the first segment. */
export function missingRange(from: number, to: number, changed: Partial<MissingRange> = {}): MissingRange {
  return {
    file: segmentName(0),
    byte: 4096,
    from,
    to,
    open: false,
    expected: "a batch",
    found: "none",
    repaired: "2026-01-15T12:00:00.000Z",
    quarantine: null,
    settled: true,
    restoredRecords: [],
    ...changed,
  };
}
