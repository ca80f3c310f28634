import { setTimeout as sleep } from "node:timers/promises";
import { HitsError } from "../errors.js";
import { plural } from "../model/text.js";
import type { ProjectorStatus } from "../projection/mongo/messages.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { type MissingRanges, readMissingRanges } from "../wal/missing-ranges.js";
import { type LogHistory, readHistory } from "./log-history.js";
import { retryOnRetention } from "./read-log.js";
import { planRepair } from "./repair/plan.js";
import { renewSnapshot } from "./repair/renew-snapshot.js";

/** The longest wait for a database that does not answer. */
const PATIENCE_MS = 30_000;
const FLUSH_MS = 10_000;
const POLL_MS = 50;

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

export interface ProjectAllOptions {
  readonly directory: string;
  readonly logId: string;
  readonly url: string;
  readonly database: string | undefined;
  readonly maxOps: number;
}

/** Projects until nothing is pending and every document was read once. Resolves to why that was not reached, if it was not. */
export async function projectAll(options: ProjectAllOptions): Promise<string | undefined> {
  // Loaded only by commands that need it.
  const { runProjector } = await import("../projection/mongo/run-projector.js");
  let status: ProjectorStatus | undefined;
  const projection = await runProjector({
    ...options,
    durableEnd: undefined,
    remote: new Map(),
    onReport: (report) => {
      status = report.status;
    },
    onReady: () => undefined,
  });
  const failed = projection.ended.then(
    () => undefined,
    (error: unknown) => error,
  );
  let answered = performance.now();
  while (performance.now() < answered + PATIENCE_MS) {
    if ((await Promise.race([failed, sleep(POLL_MS, "polled")])) !== "polled") break;
    if (status?.state === "running") answered = performance.now();
    if (status?.state === "halted") break;
    if (status !== undefined && status.scrub.passes > 0 && status.series.passes > 0) break;
  }
  await projection.stop(FLUSH_MS);
  const { lastError = null, blocked } = status ?? {};
  if (lastError !== null) return lastError;
  return blocked === undefined || blocked.size === 0 ? undefined : `${plural(blocked.size, "counter")} blocked`;
}
