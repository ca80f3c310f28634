import { HitsError } from "../../errors.js";
import { foldHits } from "../../hit/record.js";
import { isComplete } from "../../projection/snapshot/snapshot.js";
import type { Damage } from "../../wal/damage.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { type MissingRanges, readMissingRanges } from "../../wal/missing-ranges.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import { type HistoryStart, readFromOldest, soundSnapshots } from "../log-history.js";
import { isGone, readLog } from "../read-log.js";
import type { DatabaseSide } from "./database-side.js";
import type { LogSide } from "./rows.js";

/**
 * Reads the log once and fills in the rows' totals: from its birth if all of it is there, else from the oldest sound
 * snapshot that was taken without damage and that the log continues from. Throws `OFFSET_GONE` if there is none.
 */
export async function readLogSide(directory: LogDirectory, logId: string, database: DatabaseSide): Promise<LogSide> {
  const missing = await readMissingRanges(directory);
  const sound = await soundSnapshots(directory, logId);
  for (const { totals } of sound) database.days.startAt(totals.series.since);
  const usable = sound.filter(({ facts }) => isComplete(facts, missing, true));
  try {
    return await readFromOldest(usable, (start) => readFrom({ directory, missing }, start, database));
  } catch (error) {
    if (!isGone(error)) throw error;
    throw new HitsError("OFFSET_GONE", `no history to compare with: ${error.message}, and there is no such snapshot`);
  }
}

async function readFrom(
  { directory, missing }: { readonly directory: LogDirectory; readonly missing: MissingRanges },
  { offset: from, totals }: HistoryStart,
  database: DatabaseSide,
): Promise<LogSide> {
  database.rows.start(totals);
  database.days.start(totals);
  const damage: Damage[] = [];
  const { segment, end } = await readLog(
    { directory, from, missing },
    {
      batch(batch) {
        if (batch.count === 0 && batch.missing?.settled === false) damage.push(batch.missing);
        addHits(batch, from, database);
      },
      damage: (one) => {
        damage.push(one);
      },
    },
  );
  if (segment === undefined) {
    throw new HitsError("LOG_DIRECTORY", `${directory.path} contains no segments: there is nothing to compare with`);
  }
  return {
    from,
    // An opening leaves a gap after everything before it.
    end: Math.max(end, segment),
    endIsUnknown: damage.some(({ to }) => to === undefined),
    damagedFrom: damage.reduce((lowest, one) => Math.min(lowest, Math.max(from, one.from)), Number.POSITIVE_INFINITY),
    damage,
    hasMissing: missing.ranges.length > 0,
  };
}

/** Adds record by record: a slot that was changed by hand may name an offset within a batch. */
function addHits(batch: LogBatch, from: number, { rows, days }: DatabaseSide): void {
  let offset = batch.baseOffset;
  foldHits(
    batch,
    (name) => rows.indexOf(name),
    (index, n, at) => {
      if (offset >= from) {
        rows.add(index, n, offset);
        days.add(rows.all[index]?.name ?? "", index, { n, at, offset });
      }
      offset++;
    },
  );
}
