import type { MissingRange } from "../../src/wal/missing-ranges.js";
import { segmentName } from "../../src/wal/segment-name.js";

/** A range as a repair writes it down, for the first segment where nothing else is said. */
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
