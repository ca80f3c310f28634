import type { Logger } from "pino";
import { type Config, isLoopback } from "../config.js";
import type { HitsError } from "../errors.js";
import { warnOfContainerLayer } from "../host/container-layer.js";
import { FreeSpace } from "../host/free-space.js";
import { readPackageJson } from "../host/package-json.js";
import { createApp } from "../http/app.js";
import { createHttpServer, type HttpServer } from "../http/server.js";
import { SnapshotThread } from "../projection/snapshot/snapshot-thread.js";
import { View } from "../projection/view.js";
import { Collector } from "./collector.js";
import { BatchMetrics } from "./monitoring/batch-metrics.js";
import { Dashboard } from "./monitoring/dashboard.js";
import { Metrics } from "./monitoring/metrics.js";
import { openLog } from "./open-log.js";
import { startExternalProjections } from "./projections.js";
import { ServerStatus, Tally } from "./server-status.js";
import { exitStatus, stopOnSignals } from "./shutdown.js";
import { startUpkeep } from "./upkeep.js";

/** Requests not answered by then are cut off. */
const ANSWER_GRACE_MS = 3000;
/** For the projection into the database; hits still pending then are projected after the next start. */
const FLUSH_MS = 1500;
/** After the log has failed: for answering the requests that wait. */
const FAILED_GRACE_MS = 1000;

/** Roles `all` and `collect`: takes in hits, and serves the counts. */
export async function collect(config: Config, logger: Logger): Promise<void> {
  let http: HttpServer | undefined;
  const onFailure = (error: HitsError) => {
    logger.fatal({ code: error.code }, error.message);
    const end = () => process.exit(exitStatus(error));
    setTimeout(end, 2 * FAILED_GRACE_MS).unref();
    (http?.stop(FAILED_GRACE_MS) ?? Promise.resolve()).then(end, end);
  };

  const batches = new BatchMetrics();
  const snapshots = new SnapshotThread();
  const { log, local } = await openLog({ config, logger, snapshots, onBatch: batches.note, onFailure });
  warnOfContainerLayer(log.directory.path, logger);
  const external = await startExternalProjections({ config, log, local, logger });

  const collector = new Collector(log, local, config);
  const view = new View(local, external.database);
  const tally = new Tally();
  const status = new ServerStatus({ log, local, collector, external, tally });
  const readiness = log;
  // One for both: each read that waits for a hanging disk holds a thread that the log needs.
  const space = new FreeSpace(config.walDir);
  const metrics = new Metrics({
    build: { version: readPackageJson().version, node: process.versions.node, role: config.role },
    limits: config,
    space,
    sources: { status, readiness, batches, tally, log, keys: local.keys, view },
  });
  const dashboard = new Dashboard({
    segmentBytes: config.walSegmentBytes,
    maxCounters: config.maxCounters,
    space,
    sources: { status, readiness, view },
  });

  const services = { collector, view, tally, readiness, status, metrics, dashboard };
  const options = { policy: config, idempotencyWindowMs: config.idempotencyWindowMs };
  http = createHttpServer(createApp(services, logger, options), logger);
  const { host, port } = await http.listen(config.host, config.port);
  warnOfOpenAccess(config, logger);
  const stopUpkeep = startUpkeep({ config, logger, log, local, dashboard });
  process.stdout.write(`listening on http://${host.includes(":") ? `[${host}]` : host}:${port}\n`);
  logger.info({ log: log.id, epoch: log.epoch, directory: log.directory.path, host, port }, "listening");

  stopOnSignals(logger, async () => {
    stopUpkeep();
    await http.stop(ANSWER_GRACE_MS);
    await log.drain();
    await external.stop(FLUSH_MS);
    await local.snapshot().catch((error: unknown) => {
      logger.error({ err: error }, "cannot write the last snapshot; the next start will read more of the log");
    });
    await log.close();
    await snapshots.close();
  });
}

function warnOfOpenAccess({ adminToken, host }: Config, logger: Logger): void {
  if (adminToken !== undefined || isLoopback(host)) return;
  logger.warn(
    { host },
    "ADMIN_TOKEN is not set and HOST is not a loopback address: /status, /metrics and the list of counters are open to " +
      "every client that can reach it",
  );
}
