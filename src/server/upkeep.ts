import type { Config } from "../config.js";
import type { Logger } from "../model/services.js";
import type { LocalProjection } from "../projection/local.js";
import type { Log } from "../wal/log.js";
import { type Dashboard, SAMPLE_EVERY_MS } from "./monitoring/dashboard.js";

/**
 * A restart folds at most about this many records again, or those of this long. After a restart in an outage, the counts of
 * other logs are at most `remoteMilliseconds` older than before it.
 */
const SNAPSHOT_DUE = { records: 5_000_000, milliseconds: 60_000, remoteMilliseconds: 5000 };
const SNAPSHOT_CHECK_MS = 1000;
const RETENTION_CHECK_MS = 60_000;
/** New names are sorted into the order of lists, a few milliseconds at a time. */
const ORDER_EVERY_MS = 50;
const ORDER_FOR_MS = 4;

export interface UpkeepOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly log: Log;
  readonly local: LocalProjection;
  readonly dashboard: Dashboard;
}

/** Starts the periodic work: snapshots, retention, history samples, name order. Returns a function that stops it. */
export function startUpkeep({ config, logger, log, local, dashboard }: UpkeepOptions): () => void {
  const snapshot = () => {
    local.snapshotIfDue(SNAPSHOT_DUE).catch((error: unknown) => {
      logger.error({ err: error }, "cannot write a snapshot; retrying");
    });
  };
  const retain = () => {
    log.applyRetention(config.retention, local.neededFrom).then(
      (removed) => {
        if (removed.length > 0) logger.info({ removed }, "removed old segments");
      },
      (error: unknown) => logger.error({ err: error }, "cannot remove old segments; retrying"),
    );
  };
  const timers = [
    setInterval(snapshot, SNAPSHOT_CHECK_MS),
    setInterval(retain, RETENTION_CHECK_MS),
    setInterval(() => dashboard.sample(), SAMPLE_EVERY_MS),
    setInterval(() => local.totals?.order.orderSome(ORDER_FOR_MS), ORDER_EVERY_MS),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
