import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { describeError, HitsError } from "../errors.js";
import { runProjector } from "../projection/mongo/run-projector.js";
import { LogDirectory } from "../wal/log-directory.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { segmentBases } from "../wal/segment-name.js";
import { StateLogger } from "./projections.js";
import { stopOnSignals } from "./shutdown.js";

const WAIT_FOR_LOG_MS = 500;
const FLUSH_MS = 3000;
/** After a failure, the projection restarts from the log directory after this time. */
const RESTART_MS = 5000;

/** Role `project`: follows a log that another process writes, and projects it into MongoDB. */
export async function project(config: Config, logger: Logger): Promise<void> {
  const { mongodb, walDir: directory } = config;
  if (mongodb === undefined) throw new HitsError("INVALID_SETTING", "MONGODB_URL is not set");
  let stopping = false;
  let stop: (() => Promise<void>) | undefined;
  stopOnSignals(logger, async () => {
    stopping = true;
    await stop?.();
  });
  const logId = await waitForLog(new LogDirectory(directory), logger);
  process.stdout.write(`projecting ${directory}\n`);
  while (!stopping) {
    try {
      const states = new StateLogger(logger);
      const running = await runProjector({
        ...mongodb,
        series: config.series,
        directory,
        logId,
        durableEnd: undefined,
        remote: new Map(),
        onReport: ({ status }) => states.note(status, { lag: status.lag, checkpoint: status.checkpoint }),
        onReady: () => logger.info({ log: logId, directory }, "following the log"),
      });
      stop = () => running.stop(FLUSH_MS);
      await running.ended;
    } catch (error) {
      stop = undefined;
      const code = error instanceof HitsError ? error.code : undefined;
      if (code === "LOG_REPAIRED") {
        logger.info({ directory }, `restarting: ${describeError(error)}`);
        continue;
      }
      logger.error({ code }, `the projection stopped: ${describeError(error)}; retrying`);
      await sleep(RESTART_MS);
    }
  }
}

async function waitForLog(directory: LogDirectory, logger: Logger): Promise<string> {
  for (let logged = false; ; logged = true) {
    const header = await newestReadableHeader(directory, segmentBases(await directory.listIfThere()));
    if (header !== undefined) return header.logId;
    if (!logged) logger.info({ directory: directory.path }, "no log yet: waiting for one");
    await sleep(WAIT_FOR_LOG_MS);
  }
}
