import type { Logger } from "pino";
import type { Config } from "../config.js";
import type { HitsError } from "../errors.js";
import { warnOfContainerLayer } from "../host/container-layer.js";
import { FreeSpace } from "../host/free-space.js";
import { createApp } from "../http/app.js";
import { createHttpServer, type HttpServer } from "../http/server.js";
import type { LocalProjection } from "../projection/local.js";
import { SnapshotThread } from "../projection/snapshot/snapshot-thread.js";
import { View } from "../projection/view.js";
import type { Log } from "../wal/log.js";
import { Collector } from "./collector.js";
import { exitStatus } from "./exit-status.js";
import { Dashboard, SAMPLE_EVERY_MS } from "./monitoring/dashboard.js";
import { Metrics } from "./monitoring/metrics.js";
import { openLog } from "./open-log.js";
import { type OutsideProjection, projectionOf } from "./projections.js";
import { Service } from "./service.js";
import { stopOnSignals } from "./signals.js";

/** A restart folds at most about so many hits again, or what came in so long. */
const SNAPSHOT_RECORDS = 5_000_000;
const SNAPSHOT_MS = 60_000;
/** What other logs have counted is shown after a restart in an outage: at most so much older than it was. */
const OTHERS_SNAPSHOT_MS = 5000;
const SNAPSHOT_CHECK_MS = 1000;
const RETENTION_CHECK_MS = 60_000;
/** Names wait to be put in order for lists, a few milliseconds at a time. */
const ORDER_EVERY_MS = 50;
const ORDER_FOR_MS = 4;

/** What is not answered by then is cut. */
const ANSWER_GRACE_MS = 3000;
/** For the database to take what is owed; what it doesn't take now it takes after the next start. */
const FLUSH_MS = 1500;
/** A failed log: waiting requests are told, then the process goes. */
const FAILED_GRACE_MS = 1000;

/** Roles `all` and `collect`: takes hits in, and serves the counts. */
export async function collect(config: Config, logger: Logger): Promise<void> {
  let http: HttpServer | undefined;
  // One for both: each that waits for a disk that hangs takes a thread that the log needs.
  const space = new FreeSpace(config.walDir);
  const metrics = new Metrics(config, space);
  const thread = new SnapshotThread();
  const onFailure = (error: HitsError) => {
    logger.fatal({ code: error.code }, error.message);
    const end = () => process.exit(exitStatus(error));
    setTimeout(end, 2 * FAILED_GRACE_MS).unref();
    (http?.stop(FAILED_GRACE_MS) ?? Promise.resolve()).then(end, end);
  };
  const { log, local } = await openLog(config, logger, { snapshots: thread, onBatch: metrics.noteBatch, onFailure });
  warnOfContainerLayer(log.directory, logger);
  const outside = await projectionOf(config, log, local, logger);
  const collector = new Collector(log, local, config);
  const view = new View(local, outside.database);
  const service = new Service(log, local, collector, view, outside, metrics, new Dashboard(config, space));
  http = createHttpServer(
    createApp(service, logger, { policy: config, idempotencyWindowMs: config.idempotencyWindowMs }),
    logger,
  );
  const { host, port } = await http.listen(config.host, config.port);
  if (config.adminToken === undefined && !isLoopback(config.host)) {
    logger.warn(
      { host: config.host },
      "ADMIN_TOKEN is not set, and HOST is no loopback address: whoever reaches it may read /status, /metrics and the list of counters",
    );
  }
  const timers = startTimers(config, logger, log, local, service);
  process.stdout.write(`listening on http://${host.includes(":") ? `[${host}]` : host}:${port}\n`);
  logger.info({ log: log.id, epoch: log.epoch, directory: log.directory, host, port }, "listening");
  stopOnSignals(logger, () => stop(http, log, local, outside, thread, timers, logger));
}

function isLoopback(host: string): boolean {
  return /^(127\.|::1$|localhost$)/i.test(host);
}

async function stop(
  http: HttpServer,
  log: Log,
  local: LocalProjection,
  outside: OutsideProjection,
  thread: SnapshotThread,
  timers: readonly NodeJS.Timeout[],
  logger: Logger,
): Promise<void> {
  for (const timer of timers) clearInterval(timer);
  await http.stop(ANSWER_GRACE_MS);
  await log.drain();
  await outside.stop(FLUSH_MS);
  await local.snapshot().catch((error: unknown) => {
    logger.error({ err: error }, "the last snapshot could not be written: the next start reads more of the log");
  });
  await log.close();
  await thread.close();
}

function startTimers(
  config: Config,
  logger: Logger,
  log: Log,
  local: LocalProjection,
  service: Service,
): NodeJS.Timeout[] {
  const snapshot = () => {
    local.snapshotIfDue(SNAPSHOT_RECORDS, SNAPSHOT_MS, OTHERS_SNAPSHOT_MS).catch((error: unknown) => {
      logger.error({ err: error }, "a snapshot could not be written; it is tried again");
    });
  };
  const retain = () => {
    log.retain(config.retention, local.neededFrom).then(
      (removed) => {
        if (removed.length > 0) logger.info({ removed }, "old segments removed");
      },
      (error: unknown) => logger.error({ err: error }, "old segments could not be removed; it is tried again"),
    );
  };
  return [
    setInterval(snapshot, SNAPSHOT_CHECK_MS),
    setInterval(retain, RETENTION_CHECK_MS),
    setInterval(() => service.sample(), SAMPLE_EVERY_MS),
    setInterval(() => local.totals?.order.work(ORDER_FOR_MS), ORDER_EVERY_MS),
  ];
}
