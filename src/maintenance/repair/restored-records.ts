import { encodeHit } from "../../hit/encoding.js";
import { MAX_N } from "../../model/hit.js";
import type { MissingRange, MissingRanges } from "../../wal/missing-ranges.js";
import type { Claim, LogHistory } from "../log-history.js";

/** Hits of a counter that the log has lost and a snapshot or MongoDB still has, to be restored at a missing offset. */
export interface RestorableHits {
  readonly counter: string;
  readonly n: number;
  readonly offset: number;
  readonly source: "snapshot" | "mongodb";
}

/** A claim for more hits than can have been lost before its offset. */
export interface Unexplained {
  readonly counter: string;
  readonly offset: number;
  readonly count: number;
  readonly log: number;
}

/** The hits that can be restored, and the claims that can't be met. */
export interface Restoration {
  readonly records: readonly RestorableHits[];
  readonly unexplained: readonly Unexplained[];
  /** Snapshots whose totals lack what is known now. */
  readonly lacking: readonly string[];
}

export const NOTHING_RESTORED: Restoration = { records: [], unexplained: [], lacking: [] };

interface Need extends Pick<RestorableHits, "counter" | "n" | "source"> {
  /** The offsets that the record may take: `[from, below)`. */
  readonly from: number;
  readonly below: number;
}

/**
 * Compares all claims with the log. A claim above the log's total at its offset counts hits that were lost before it: as
 * many are restored, at missing offsets below, each at its own. Totals never fall, so the largest claim at an offset is the
 * best; nothing is ever taken off.
 */
export function findRestoredRecords(history: LogHistory, missing: MissingRanges): Restoration {
  const needs: Need[] = [];
  const unexplained: Unexplained[] = [];
  for (const [counter, { claims }] of history.counters) {
    let added = 0;
    let known = 0;
    for (const claim of claims.sort((a, b) => a.offset - b.offset || b.count - a.count)) {
      const more = claim.count - claim.log - added;
      const isInLog = claim.snapshot !== undefined || claim.offset <= history.end;
      if (more > 0 && isInLog && isExplained(claim, known, missing)) {
        const source = claim.snapshot === undefined ? "mongodb" : "snapshot";
        for (let left = more; left > 0; left -= MAX_N) {
          needs.push({ counter, n: Math.min(left, MAX_N), from: known, below: claim.offset, source });
        }
        added += more;
      } else if (more > 0) {
        unexplained.push({ counter, offset: claim.offset, count: claim.count, log: claim.log + added });
      }
      if (more >= 0 && claim.whole) known = claim.offset;
    }
  }
  const { records, left } = place(needs, missing);
  for (const { counter, n, below } of left) unexplained.push({ counter, offset: below, count: n, log: 0 });
  return { records, unexplained, lacking: lackingSnapshots(history, records) };
}

/** Returns the snapshots that have less of some counter than is known for their offset by now. */
function lackingSnapshots({ counters, snapshots }: LogHistory, records: readonly RestorableHits[]): string[] {
  const byCounter = new Map<string, RestorableHits[]>();
  for (const record of records) byCounter.set(record.counter, [...(byCounter.get(record.counter) ?? []), record]);
  const lacking = new Set<string>();
  for (const [counter, { claims }] of counters) {
    for (const { snapshot, offset, count, log } of claims) {
      if (snapshot === undefined) continue;
      let known = log;
      for (const record of byCounter.get(counter) ?? []) if (record.offset < offset) known += record.n;
      if (count < known) lacking.add(snapshot);
    }
  }
  return snapshots.filter((file) => lacking.has(file));
}

function isExplained(claim: Claim, known: number, missing: MissingRanges): boolean {
  return missing.ranges.some(({ from, to }) => from < Math.min(to, claim.offset) && to > known);
}

/** Gives each need its own missing offset, those with the lowest bound first. */
function place(needs: Need[], missing: MissingRanges): { records: RestorableHits[]; left: Need[] } {
  const free = new FreeOffsets(missing);
  const records: RestorableHits[] = [];
  const left: Need[] = [];
  for (const need of needs.sort((a, b) => a.below - b.below)) {
    const offset = free.take(need.from, need.below);
    if (offset === undefined) left.push(need);
    else records.push({ counter: need.counter, n: need.n, offset, source: need.source });
  }
  return { records, left };
}

/** Missing offsets that no restored record has. */
class FreeOffsets {
  readonly #missing: MissingRanges;
  /** From a taken offset to the next that may be free. */
  readonly #next = new Map<number, number>();

  constructor(missing: MissingRanges) {
    this.#missing = missing;
    for (const { restoredRecords } of missing.ranges) {
      for (const { offset } of restoredRecords) this.#next.set(offset, offset + 1);
    }
  }

  /** Takes the first free offset in `[from, below)`. */
  take(from: number, below: number): number | undefined {
    for (const range of this.#missing.ranges) {
      const offset = this.#firstFree(Math.max(from, range.from));
      if (offset >= Math.min(below, range.to)) continue;
      this.#next.set(offset, offset + 1);
      return offset;
    }
    return undefined;
  }

  #firstFree(offset: number): number {
    const skipped: number[] = [];
    let at = offset;
    for (let next = this.#next.get(at); next !== undefined; next = this.#next.get(at)) {
      skipped.push(at);
      at = next;
    }
    for (const one of skipped) this.#next.set(one, at);
    return at;
  }
}

/** Returns the ranges with these records in them. */
export function withRestoredRecords(
  ranges: readonly MissingRange[],
  records: readonly RestorableHits[],
): MissingRange[] {
  return ranges.map((range) => {
    const own = records.filter(({ offset }) => offset >= range.from && offset < range.to);
    if (own.length === 0) return range;
    const encoded = own.map(({ counter, n, offset, source }) => {
      const payload = JSON.stringify({ mend: source });
      return { offset, record: encodeHit({ counter, n, payload }) };
    });
    return { ...range, restoredRecords: [...range.restoredRecords, ...encoded].sort((a, b) => a.offset - b.offset) };
  });
}
