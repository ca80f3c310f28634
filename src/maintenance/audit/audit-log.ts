import type { Checkpoint } from "../../projection/mongo/store.js";
import type { LogDirectory } from "../../wal/log-directory.js";
import { retryOnRetention } from "../read-log.js";
import { type AuditedStore, type DatabaseSide, readDatabaseSide } from "./database-side.js";
import { readLogSide } from "./log-side.js";
import type { Audit, Unjudged } from "./report.js";
import { judgeRow, type LogSide } from "./rows.js";

/** An audit, and what was compared. */
export interface AuditReport {
  readonly logId: string;
  readonly checkpoint: Checkpoint | undefined;
  readonly log: LogSide;
  readonly audit: Audit;
}

/** Reads MongoDB, then the log. Throws a `StoreError` if the former can't be read, a `HitsError` if the latter. */
export async function auditLog(directory: LogDirectory, logId: string, store: AuditedStore): Promise<AuditReport> {
  const database = await readDatabaseSide(store, logId);
  const log = await retryOnRetention(() => readLogSide(directory, logId, database));
  return { logId, checkpoint: database.checkpoint, log, audit: judge(database, log) };
}

function judge(database: DatabaseSide, log: LogSide): Audit {
  const { offset: checkpoint } = database.checkpoint ?? { offset: 0 };
  const differing = [...database.differing];
  const unjudged: Unjudged[] = [];
  let [checked, pending, pendingCounters] = [0, 0, 0];
  if (checkpoint > log.end && !log.endIsUnknown) {
    const [counter, kind, bound] = [null, "checkpoint", "at most"] as const;
    differing.push({ counter, kind, offset: checkpoint, expected: log.end, bound, found: checkpoint });
  }
  for (const row of database.rows.all) {
    // Read in an attempt that was given up, and not since.
    if (row.document === "none" && row.start + row.pending === 0) continue;
    checked++;
    if (row.document === "damaged") continue;
    const { difference, reason } = judgeRow(row, log, checkpoint);
    if (difference !== undefined) differing.push({ counter: row.name, ...difference });
    else if (reason !== undefined) unjudged.push({ counter: row.name, ...reason });
    else {
      const owed = row.pending + Math.max(0, row.slot.offset < log.from ? row.start - row.slot.count : 0);
      pending += owed;
      if (owed > 0) pendingCounters++;
    }
  }
  const days = database.days.judge(log, checkpoint);
  differing.push(...days.differing);
  return {
    exact: differing.length + unjudged.length === 0,
    checked,
    documents: database.documents,
    series: { documents: database.days.documents, checked: days.checked },
    pending,
    pendingCounters,
    differing,
    unjudged,
  };
}
