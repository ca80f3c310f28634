import { HitsError } from "../../errors.js";
import { foldHits } from "../../hit/record.js";
import { isComplete, readSnapshots } from "../../projection/snapshot/snapshot.js";
import type { Totals } from "../../projection/totals.js";
import type { Damage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { LogReader } from "../../wal/log-reader.js";
import { type MissingRanges, readMissingRanges } from "../../wal/missing-ranges.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import { readToEnd } from "../log-directory.js";
import type { DayRows } from "./day-rows.js";
import type { LogSide, Rows } from "./rows.js";

interface Start {
  readonly offset: number;
  readonly totals: Totals | undefined;
}

/**
 * Reads the log once and fills in the rows' totals: from its birth where all of it is there, else from the oldest sound
 * snapshot that was taken without damage and that the log still goes on from. Throws `OFFSET_GONE` where there is none.
 */
export async function readLog(
  directory: LogDirectory,
  logId: string,
  rows: Rows,
  days: DayRows,
  checkpoint: number,
): Promise<LogSide> {
  let gone: HitsError | undefined;
  const missing = await readMissingRanges(directory);
  for await (const start of starts(directory, logId, missing, days)) {
    try {
      return await readFrom(directory, start, rows, days, checkpoint, missing);
    } catch (error) {
      if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) throw error;
      gone ??= error;
    }
  }
  const why = gone?.message ?? "the log is empty";
  throw new HitsError("OFFSET_GONE", `no history to compare with: ${why}, and there is no such snapshot`);
}

/** Where the history may begin, the oldest first: the older it is, the more can be compared. */
async function* starts(
  directory: LogDirectory,
  logId: string,
  missing: MissingRanges,
  days: DayRows,
): AsyncGenerator<Start> {
  const found: Start[] = [];
  for await (const { facts, totals } of readSnapshots(directory)) {
    if (facts?.logId !== logId || totals === undefined) continue;
    days.startAt(totals.series.since);
    if (!isComplete(facts, missing, true)) continue;
    found.push({ offset: facts.offset, totals });
  }
  yield { offset: 0, totals: undefined };
  yield* found.reverse();
}

async function readFrom(
  directory: LogDirectory,
  start: Start,
  rows: Rows,
  days: DayRows,
  checkpoint: number,
  missing: MissingRanges,
): Promise<LogSide> {
  const from = start.offset;
  rows.reset();
  days.start(start.totals);
  for (const [name, index] of start.totals?.names() ?? []) {
    const row = rows.all[rows.indexOf(name)];
    if (row !== undefined) row.start = row.atSlot = row.atCheckpoint = start.totals?.countAt(index) ?? 0;
  }
  const damage: Damage[] = [];
  let end = from;
  const reader = new LogReader({ directory, from, missing });
  try {
    const { segment } = await readToEnd(reader, {
      batch(batch) {
        end = Math.max(end, batch.endOffset);
        if (batch.count === 0 && batch.missing?.settled === false) damage.push(batch.missing);
        add(batch, from, rows, days, checkpoint);
      },
      damage(one) {
        end = Math.max(end, one.to ?? 0);
        damage.push(one);
      },
    });
    if (segment === undefined) {
      throw new HitsError("LOG_DIRECTORY", `${directory.path} holds no segments: there is nothing to compare with`);
    }
    return {
      from,
      // An opening leaves a gap behind everything before it.
      end: Math.max(end, segment),
      endIsUnknown: damage.some(({ to }) => to === undefined),
      damagedFrom: damage.reduce((lowest, one) => Math.min(lowest, Math.max(from, one.from)), Number.POSITIVE_INFINITY),
      damage,
      isMended: missing.ranges.length > 0,
    };
  } finally {
    await reader.close();
  }
}

/** Record by record: a slot that was changed by hand may name an offset within a batch. */
function add(batch: LogBatch, from: number, rows: Rows, days: DayRows, checkpoint: number): void {
  let offset = batch.baseOffset;
  foldHits(
    batch,
    (name) => rows.indexOf(name),
    (index, n, at) => {
      if (offset >= from) {
        rows.add(index, n, offset, checkpoint);
        days.add(rows.all[index]?.name ?? "", index, n, at, offset, checkpoint);
      }
      offset++;
    },
  );
}
