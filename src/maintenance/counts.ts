import { HitsError } from "../errors.js";
import { loadSnapshots } from "../projection/snapshot/snapshot.js";
import { Totals } from "../projection/totals.js";
import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { readMissingRanges, unreadableList } from "../wal/missing-ranges.js";
import { isGone, readLog } from "./read-log.js";

export interface Counts {
  /** The offset of the snapshot that was started from; undefined if the whole log was read. */
  readonly snapshot: number | undefined;
  /** The log itself was read from here up to `end`, which is not included. */
  readonly readFrom: number;
  readonly end: number;
  /** Unreadable parts of the log: the counts may be too low by as much. */
  readonly damage: readonly Damage[];
  /** Snapshots that can't be used, and why. */
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
  readonly hits: number;
  /** The highest count first, then by name. */
  readonly counters: readonly { readonly counter: string; readonly count: number }[];
}

/** Counts from the newest sound snapshot on. Throws `OFFSET_GONE` if the log no longer goes back that far. */
export async function countHits(directory: LogDirectory): Promise<Counts> {
  const { newest, witnesses, damaged } = await loadSnapshots(directory);
  const totals = newest?.totals ?? new Totals();
  const missing = await readMissingRanges(directory);
  const damage = (newest?.facts.damage ?? []).filter((one) => !missing.covers(one));
  if (missing.damaged !== undefined) damage.push(unreadableList(missing.damaged));
  const remembered = new Set(damage.map(placeOf));
  const readFrom = newest?.facts.offset ?? 0;
  const reading = await readLog({ directory, from: readFrom, missing }, { batch: (batch) => totals.fold(batch) }).catch(
    (error: unknown) => {
      throw newest === undefined ? withoutSnapshot(error) : error;
    },
  );
  damage.push(...reading.damage.filter((one) => !remembered.has(placeOf(one))));
  const witness = witnesses[0];
  if (reading.segment === undefined && witness !== undefined) damage.push(noSegments(witness.source, readFrom));
  return {
    snapshot: newest?.facts.offset,
    readFrom,
    end: reading.end,
    damage,
    skipped: damaged.map(({ file, invalid = "" }) => ({ file, why: invalid })),
    hits: totals.sum,
    counters: await sorted(totals),
  };
}

function placeOf({ file, byte }: Damage): string {
  return `${file}:${byte}`;
}

function noSegments(source: string, from: number): Damage {
  const expected = `the segments that ${source} was made from`;
  return { file: "*.log", byte: 0, from, to: undefined, expected, found: "none" };
}

function withoutSnapshot(error: unknown): unknown {
  if (!isGone(error)) return error;
  const message = `the totals are unknown: ${error.message}, and no snapshot can be read`;
  return new HitsError("OFFSET_GONE", message, { cause: error });
}

async function sorted(totals: Totals): Promise<Counts["counters"]> {
  const names = await totals.order.page("", undefined, Number.POSITIVE_INFINITY);
  // By name first: sorting keeps that order among equal counts.
  return names.map((counter) => ({ counter, count: totals.count(counter) })).sort((a, b) => b.count - a.count);
}
