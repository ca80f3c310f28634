import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "../config.js";
import { describeError, HitsError } from "../errors.js";
import { runProjector } from "../projection/mongo/run-projector.js";
import type { FileSystem } from "../wal/file-system.js";
import { nodeFileSystem } from "../wal/node-file-system.js";
import { newestReadableHeader } from "../wal/recovery-files.js";
import { segmentBases } from "../wal/segment-name.js";
import { listIfThere } from "../wal/whole-file.js";
import { stopOnSignals } from "./signals.js";
import { ProjectionLog } from "./state-logger.js";

const WAIT_FOR_LOG_MS = 500;
const FLUSH_MS = 3000;
/** What can't be followed now is tried again from the log directory after so long. */
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
  const logId = await waitForLog(nodeFileSystem, directory, logger);
  process.stdout.write(`projecting ${directory}\n`);
  while (!stopping) {
    try {
      const log = new ProjectionLog(logger);
      const running = await runProjector({
        ...mongodb,
        series: config.series,
        directory,
        logId,
        durableEnd: undefined,
        others: new Map(),
        onReport: ({ status }) => log.note(status, { lag: status.lag, checkpoint: status.checkpoint }),
        onReady: () => logger.info({ log: logId, directory }, "following the log"),
      });
      stop = () => running.stop(FLUSH_MS);
      await running.ended;
    } catch (error) {
      stop = undefined;
      const code = error instanceof HitsError ? error.code : undefined;
      if (code === "LOG_REPAIRED") {
        logger.info({ directory }, `begins anew: ${describeError(error)}`);
        continue;
      }
      logger.error({ code }, `the projection stopped: ${describeError(error)}; it is tried again`);
      await sleep(RESTART_MS);
    }
  }
}

async function waitForLog(fs: FileSystem, directory: string, logger: Logger): Promise<string> {
  for (let told = false; ; told = true) {
    const header = await newestReadableHeader(fs, directory, segmentBases(await listIfThere(fs, directory)));
    if (header !== undefined) return header.logId;
    if (!told) logger.info({ directory }, "there is no log yet: waiting for one");
    await sleep(WAIT_FOR_LOG_MS);
  }
}
