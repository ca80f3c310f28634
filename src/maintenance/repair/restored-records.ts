import { encodeHit } from "../../hit/encoding.js";
import { MAX_N } from "../../model/hit.js";
import type { MissingRange, MissingRanges } from "../../wal/missing-ranges.js";
import type { History, Word } from "../log-history.js";

/** Hits that a snapshot or the database knows of and the log has lost: they take the place of what is missing. */
export interface PlannedMend {
  readonly counter: string;
  readonly n: number;
  readonly offset: number;
  readonly source: "snapshot" | "mongodb";
}

/** A word that what is missing can't explain: it names more hits than can have been lost before it. */
export interface Unexplained {
  readonly counter: string;
  readonly offset: number;
  readonly count: number;
  readonly log: number;
}

export interface Mending {
  readonly mends: readonly PlannedMend[];
  readonly unexplained: readonly Unexplained[];
  /** Snapshots whose totals lack what is known now. */
  readonly lacking: readonly string[];
}

interface Need {
  readonly counter: string;
  readonly n: number;
  /** The offsets that it may lie at: `[from, below)`. */
  readonly from: number;
  readonly below: number;
  readonly source: PlannedMend["source"];
}

/**
 * Holds what others say against what the log adds up to. Who knew more of a counter at an offset knew hits that were lost
 * before it: as many stand in for them, at missing offsets below, each at its own. Totals never fall, so that the largest
 * word at an offset is the best; nothing is ever taken off.
 */
export function findMends(history: History, missing: MissingRanges): Mending {
  const needs: Need[] = [];
  const unexplained: Unexplained[] = [];
  for (const [counter, { words }] of history.counters) {
    let added = 0;
    let known = 0;
    for (const word of words.sort((a, b) => a.offset - b.offset || b.count - a.count)) {
      const more = word.count - word.log - added;
      const isInLog = word.snapshot !== undefined || word.offset <= history.end;
      if (more > 0 && isInLog && isExplained(word, known, missing)) {
        for (let left = more; left > 0; left -= MAX_N) {
          const source = word.snapshot === undefined ? "mongodb" : "snapshot";
          needs.push({ counter, n: Math.min(left, MAX_N), from: known, below: word.offset, source });
        }
        added += more;
      } else if (more > 0) {
        unexplained.push({ counter, offset: word.offset, count: word.count, log: word.log + added });
      }
      if (more >= 0 && word.whole) known = word.offset;
    }
  }
  const { mends, left } = place(needs, missing);
  for (const { counter, n, below } of left) unexplained.push({ counter, offset: below, count: n, log: 0 });
  return { mends, unexplained, lacking: lackingSnapshots(history, mends) };
}

/** Snapshots that have less of some counter than is known for their offset by now. */
function lackingSnapshots({ counters, snapshots }: History, mends: readonly PlannedMend[]): string[] {
  const byCounter = new Map<string, PlannedMend[]>();
  for (const mend of mends) byCounter.set(mend.counter, [...(byCounter.get(mend.counter) ?? []), mend]);
  const lacking = new Set<string>();
  for (const [counter, { words }] of counters) {
    for (const { snapshot, offset, count, log } of words) {
      if (snapshot === undefined) continue;
      let known = log;
      for (const mend of byCounter.get(counter) ?? []) if (mend.offset < offset) known += mend.n;
      if (count < known) lacking.add(snapshot);
    }
  }
  return snapshots.filter((file) => lacking.has(file));
}

function isExplained(word: Word, known: number, missing: MissingRanges): boolean {
  return missing.ranges.some(({ from, to }) => from < Math.min(to, word.offset) && to > known);
}

/** Gives each its own missing offset, the most pressing first. */
function place(needs: Need[], missing: MissingRanges): { mends: PlannedMend[]; left: Need[] } {
  const free = new FreeOffsets(missing);
  const mends: PlannedMend[] = [];
  const left: Need[] = [];
  for (const need of needs.sort((a, b) => a.below - b.below)) {
    const offset = free.take(need.from, need.below);
    if (offset === undefined) left.push(need);
    else mends.push({ counter: need.counter, n: need.n, offset, source: need.source });
  }
  return { mends, left };
}

/** Missing offsets that no mend has. */
class FreeOffsets {
  readonly #ranges: MissingRanges;
  /** From an offset that is taken to the next that may not be. */
  readonly #next = new Map<number, number>();

  constructor(missing: MissingRanges) {
    this.#ranges = missing;
    for (const { restoredRecords } of missing.ranges)
      for (const { offset } of restoredRecords) this.#next.set(offset, offset + 1);
  }

  /** The first of `[from, below)`. */
  take(from: number, below: number): number | undefined {
    for (const range of this.#ranges.ranges) {
      const offset = this.#firstFree(Math.max(from, range.from));
      if (offset >= Math.min(below, range.to)) continue;
      this.#next.set(offset, offset + 1);
      return offset;
    }
    return undefined;
  }

  #firstFree(offset: number): number {
    const passed: number[] = [];
    let at = offset;
    for (let next = this.#next.get(at); next !== undefined; next = this.#next.get(at)) {
      passed.push(at);
      at = next;
    }
    for (const one of passed) this.#next.set(one, at);
    return at;
  }
}

/** The ranges with these mends in them. */
export function withMends(ranges: readonly MissingRange[], mends: readonly PlannedMend[]): MissingRange[] {
  return ranges.map((range) => {
    const own = mends.filter(({ offset }) => offset >= range.from && offset < range.to);
    if (own.length === 0) return range;
    const records = own.map(({ counter, n, offset, source }) => {
      const payload = JSON.stringify({ mend: source });
      return { offset, record: encodeHit({ counter, n, payload }) };
    });
    return { ...range, restoredRecords: [...range.restoredRecords, ...records].sort((a, b) => a.offset - b.offset) };
  });
}
