import { pino } from "pino";
import { Collector } from "./collector.js";
import { type Config, readConfig } from "./config.js";
import { describeError, HitsError } from "./errors.js";
import { exitStatus } from "./exit-status.js";
import { createApp } from "./http/app.js";
import { createHttpServer, type HttpServer } from "./http/server.js";
import { type LoadedSnapshots, LocalProjection, loadSnapshots, NO_SNAPSHOTS } from "./projection/local.js";
import { SnapshotThread } from "./projection/snapshot-thread.js";
import { View } from "./projection/view.js";
import { Service } from "./service.js";
import { describeDamage } from "./wal/damage.js";
import { Log } from "./wal/log.js";
import { nodeFileSystem } from "./wal/node-file-system.js";

/** A restart folds at most about so many hits again, or what came in so long. */
const SNAPSHOT_RECORDS = 5_000_000;
const SNAPSHOT_MS = 60_000;
const SNAPSHOT_CHECK_MS = 1000;
const RETENTION_CHECK_MS = 60_000;
/** Names wait to be put in order for lists, a few milliseconds at a time. */
const ORDER_EVERY_MS = 50;
const ORDER_FOR_MS = 4;

/** The whole stop takes at most 8 s; the last part of that is for what is not answered by then. */
const ANSWER_GRACE_MS = 4000;
const STOP_WITHIN_MS = 7500;
/** A failed log: waiting requests are told, then the process goes. */
const FAILED_GRACE_MS = 1000;
/** npm and a terminal both pass Ctrl-C on: so soon after the first, the same signal is the same wish. */
const SAME_SIGNAL_MS = 100;

type Logger = ReturnType<typeof createLogger>;

function createLogger(level: Config["logLevel"]) {
  return pino({ name: "durable-hits", level }, pino.destination({ dest: 2, sync: true }));
}

/**
 * The composition root: settings → log → projections → HTTP, and back in the order of a graceful stop. Resolves once it
 * listens; ends the process itself when it is told to stop, or when the log fails.
 */
export async function serve(environment: NodeJS.ProcessEnv): Promise<void> {
  let config: Config;
  try {
    config = readConfig(environment);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exit(exitStatus(error));
  }
  const logger = createLogger(config.logLevel);
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "a fault in this program: stopping; what was acknowledged is on disk");
    process.exit(70);
  });
  try {
    await run(config, logger);
  } catch (error) {
    logger.fatal({ code: error instanceof HitsError ? error.code : undefined }, describeError(error));
    process.exit(exitStatus(error));
  }
}

async function run(config: Config, logger: Logger): Promise<void> {
  let http: HttpServer | undefined;
  const log = await openLog(config, logger, (error) => {
    logger.fatal({ code: error.code }, error.message);
    const end = () => process.exit(exitStatus(error));
    setTimeout(end, 2 * FAILED_GRACE_MS).unref();
    (http?.stop(FAILED_GRACE_MS) ?? Promise.resolve()).then(end, end);
  });
  const thread = new SnapshotThread();
  const local = await LocalProjection.open(log.log, log.loaded, thread);
  if (local.halted !== undefined) logger.error({ code: local.halted.code }, local.halted.message);
  for (const damage of log.log.damage) {
    logger.error({ damage }, `the log is damaged, counts may be too low: ${describeDamage(damage)}`);
  }
  const collector = new Collector(log.log, local, config.maxCounters);
  const service = new Service(log.log, local, collector, new View(local));
  http = createHttpServer(createApp(service, logger), logger);
  const timers = startTimers(config, logger, log.log, local);
  const { host, port } = await http.listen(config.host, config.port);
  process.stdout.write(`listening on http://${host.includes(":") ? `[${host}]` : host}:${port}\n`);
  logger.info({ log: log.log.id, epoch: log.log.epoch, directory: log.log.directory, host, port }, "listening");
  stopOnSignals(logger, async () => {
    for (const timer of timers) clearInterval(timer);
    await http.stop(ANSWER_GRACE_MS);
    await log.log.drain();
    await local.snapshot().catch((error: unknown) => {
      logger.error({ err: error }, "the last snapshot could not be written: the next start reads more of the log");
    });
    await log.log.close();
    await thread.close();
  });
}

async function openLog(config: Config, logger: Logger, onFailure: (error: HitsError) => void) {
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
  });
  for (const { file, invalid } of loaded?.damaged ?? []) {
    logger.error(
      { file, invalid },
      `snapshot ${file} can't be used (${invalid}): an older one, or the log, is read instead`,
    );
  }
  const { tornBytes, end } = log.recovery;
  if (tornBytes > 0) {
    logger.warn({ tornBytes, offset: end }, "the last write before the crash was torn, and never acknowledged: cut");
  }
  const refusal = log.refusal(0);
  if (refusal !== undefined) logger.error({ code: refusal.code }, refusal.message);
  return { log, loaded: loaded ?? NO_SNAPSHOTS };
}

function startTimers(config: Config, logger: Logger, log: Log, local: LocalProjection): NodeJS.Timeout[] {
  const snapshot = () => {
    local.snapshotIfDue(SNAPSHOT_RECORDS, SNAPSHOT_MS).catch((error: unknown) => {
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
    setInterval(() => local.totals?.order.work(ORDER_FOR_MS), ORDER_EVERY_MS),
  ];
}

/** The first SIGTERM or SIGINT stops in order, a second one at once. */
function stopOnSignals(logger: Logger, stop: () => Promise<void>): void {
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt !== undefined) {
      if (now - firstAt < SAME_SIGNAL_MS) return;
      logger.warn({ signal }, "stopping at once");
      process.exit(1);
    }
    firstAt = now;
    logger.info({ signal }, "stopping");
    setTimeout(() => {
      logger.error({}, "the stop took too long; what was acknowledged is on disk");
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, "the stop failed; what was acknowledged is on disk");
        process.exit(exitStatus(error));
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
