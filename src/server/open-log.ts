import type { Config } from "../config.js";
import type { HitsError } from "../errors.js";
import type { Logger } from "../model/logger.js";
import {
  type LoadedSnapshots,
  LocalProjection,
  loadSnapshots,
  NO_SNAPSHOTS,
  type SnapshotSink,
} from "../projection/local.js";
import { describeDamage } from "../wal/damage.js";
import { Log, type LogOptions } from "../wal/log.js";
import { nodeFileSystem } from "../wal/node-file-system.js";

/** A log that this process writes, with its totals. */
export interface OpenLog {
  readonly log: Log;
  readonly local: LocalProjection;
}

export interface OpenLogOptions {
  readonly config: Config;
  readonly logger: Pick<Logger, "warn" | "error">;
  /** Where snapshots are written. */
  readonly snapshots: SnapshotSink;
  readonly onBatch?: NonNullable<LogOptions["onBatch"]>;
  /** Told once, at the first failed write. */
  readonly onFailure: (error: HitsError) => void;
}

/**
 * Takes the log directory, recovers what is there, and counts it; says what was found wrong. Throws what `Log.open` and
 * `LocalProjection.open` do.
 */
export async function openLog({ config, logger, snapshots, onBatch, onFailure }: OpenLogOptions): Promise<OpenLog> {
  let loaded: LoadedSnapshots | undefined;
  const log = await Log.open({
    directory: config.walDir,
    segmentBytes: config.walSegmentBytes,
    maxQueuedBytes: config.maxQueuedBytes,
    witnesses: async () => {
      loaded = await loadSnapshots(nodeFileSystem, config.walDir);
      return loaded.witnesses;
    },
    onFailure,
    onWarning: (message) => logger.warn({}, message),
    ...(onBatch === undefined ? {} : { onBatch }),
  });
  for (const { file, invalid } of loaded?.damaged ?? []) {
    logger.error({ file, invalid }, `snapshot ${file} can't be used (${invalid}): an older one, or the log, is read`);
  }
  const { tornBytes, end } = log.recovery;
  if (tornBytes > 0) {
    logger.warn({ tornBytes, offset: end }, "the last write before the crash was torn, and never acknowledged: cut");
  }
  const refusal = log.refusal();
  if (refusal !== undefined) logger.error({ code: refusal.code }, refusal.message);
  const local = await LocalProjection.open(
    log,
    loaded ?? NO_SNAPSHOTS,
    snapshots,
    config.idempotencyWindowMs,
    config.series,
  );
  if (local.halted !== undefined) logger.error({ code: local.halted.code }, local.halted.message);
  for (const damage of log.damage) {
    logger.error({ damage }, `the log is damaged, counts may be too low: ${describeDamage(damage)}`);
  }
  return { log, local };
}
