import { HitsError } from "../errors.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { type MissingRanges, readMissingRanges } from "../wal/missing-ranges.js";
import { type LogHistory, readHistory } from "./log-history.js";
import { retryOnRetention } from "./read-log.js";
import { planRepair } from "./repair/plan.js";
import { renewSnapshot } from "./repair/renew-snapshot.js";

/** A counter whose count in a snapshot is not the log's total at the snapshot's offset. */
export interface SnapshotDifference {
  readonly snapshot: string;
  readonly offset: number;
  readonly counter: string;
  readonly found: number;
  readonly log: number;
}

/** A log's history, compared with its snapshots. */
export interface LocalComparison {
  readonly history: LogHistory;
  readonly missing: MissingRanges;
  readonly differing: readonly SnapshotDifference[];
  /** Names of the snapshots that differ. */
  readonly stale: ReadonlySet<string>;
}

/** Adds up the log and compares all snapshots with it. Throws `PROJECTION_HALTED` for a damaged log. */
export async function compareSnapshots(directory: LogDirectory, logId: string): Promise<LocalComparison> {
  const { damage, headers, healed, byHand } = await retryOnRetention(() => planRepair(directory));
  if (damage.length + headers.length + healed.length + byHand.length > 0) {
    throw new HitsError("PROJECTION_HALTED", "the log is damaged, and adds up to less than it did: wal repair first");
  }
  const missing = await readMissingRanges(directory);
  const history = await retryOnRetention(() => readHistory(directory, logId, { missing }));
  const differing: SnapshotDifference[] = [];
  for (const [counter, { claims }] of history.counters) {
    for (const { snapshot, offset, count, log } of claims) {
      if (snapshot !== undefined && count !== log) differing.push({ snapshot, offset, counter, found: count, log });
    }
  }
  return { history, missing, differing, stale: new Set(differing.map(({ snapshot }) => snapshot)) };
}

/** Replaces the snapshots that differ by a new one. `windowMs` is how long ids of hits are remembered. */
export async function rebuildLocal(
  directory: LogDirectory,
  compared: LocalComparison,
  windowMs: number,
): Promise<void> {
  if (compared.stale.size === 0) return;
  await renewSnapshot(directory, { ...compared, restored: [], lacks: [], windowMs }, new Date().toISOString());
}
