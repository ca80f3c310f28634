import type { Config } from "../config.js";
import type { HitsError } from "../errors.js";
import type { Logger } from "../model/services.js";
import { LocalProjection, type SnapshotSink } from "../projection/local.js";
import { type LoadedSnapshots, loadSnapshots, NO_SNAPSHOTS } from "../projection/snapshot/snapshot.js";
import { describeDamage } from "../wal/damage.js";
import { Log, type LogOptions } from "../wal/log.js";
import { LogDirectory } from "../wal/log-directory.js";

/** A log that this process writes, with its totals. */
export interface OpenLog {
  readonly log: Log;
  readonly local: LocalProjection;
}

export interface OpenLogOptions {
  readonly config: Config;
  readonly logger: Pick<Logger, "warn" | "error">;
  /** Writes snapshots. */
  readonly snapshots: SnapshotSink;
  readonly onBatch?: NonNullable<LogOptions["onBatch"]>;
  /** Called once, at the first failed write. */
  readonly onFailure: (error: HitsError) => void;
}

/**
 * Locks the log directory, recovers and counts the log in it, and logs what was found damaged. Throws what `Log.open` and
 * `LocalProjection.open` throw.
 */
export async function openLog({ config, logger, snapshots, onBatch, onFailure }: OpenLogOptions): Promise<OpenLog> {
  let loaded: LoadedSnapshots | undefined;
  const directory = new LogDirectory(config.walDir);
  const log = await Log.open({
    directory,
    segmentBytes: config.walSegmentBytes,
    maxQueuedBytes: config.maxQueuedBytes,
    witnesses: async () => {
      loaded = await loadSnapshots(directory);
      return loaded.witnesses;
    },
    onFailure,
    onWarning: (message) => logger.warn({}, message),
    ...(onBatch === undefined ? {} : { onBatch }),
  });
  for (const { file, invalid } of loaded?.damaged ?? []) {
    logger.error({ file, invalid }, `skipped snapshot ${file} (${invalid}): reading an older one, or the log`);
  }
  const { tornBytes, end } = log.recovery;
  if (tornBytes > 0) {
    logger.warn(
      { tornBytes, offset: end },
      "cut off a torn tail: the last write before the crash, which was never acknowledged",
    );
  }
  const refusal = log.refusal();
  if (refusal !== undefined) logger.error({ code: refusal.code }, refusal.message);
  const local = await LocalProjection.open({
    log,
    loaded: loaded ?? NO_SNAPSHOTS,
    sink: snapshots,
    idempotencyWindowMs: config.idempotencyWindowMs,
    series: config.series,
  });
  if (local.halted !== undefined) logger.error({ code: local.halted.code }, local.halted.message);
  for (const damage of log.damage) {
    logger.error({ damage }, `the log is damaged, counts may be too low: ${describeDamage(damage)}`);
  }
  return { log, local };
}
