import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "./config.js";
import { describeError, HitsError } from "./errors.js";
import type { ProjectorReport } from "./projection/mongo/messages.js";
import { runProjector } from "./projection/mongo/run-projector.js";
import { stopOnSignals } from "./stop.js";
import type { FileSystem } from "./wal/file-system.js";
import { nodeFileSystem } from "./wal/node-file-system.js";
import { segmentBases } from "./wal/segment-name.js";
import { readHeaderIfThere } from "./wal/segment-reader.js";
import { listIfThere } from "./wal/whole-file.js";

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
      let state = "";
      const running = await runProjector({
        ...mongodb,
        directory,
        logId,
        durableEnd: undefined,
        others: new Map(),
        onReport: (report) => {
          // Not before the first word from the database, or about it.
          if (report.status.state === state || (report.status.state === "retrying" && report.status.lastError === null))
            return;
          state = report.status.state;
          say(logger, report);
        },
        onReady: () => logger.info({ log: logId, directory }, "following the log"),
      });
      stop = () => running.stop(FLUSH_MS);
      await running.ended;
    } catch (error) {
      stop = undefined;
      const code = error instanceof HitsError ? error.code : undefined;
      logger.error({ code }, `the projection stopped: ${describeError(error)}; it is tried again`);
      await sleep(RESTART_MS);
    }
  }
}

async function waitForLog(fs: FileSystem, directory: string, logger: Logger): Promise<string> {
  for (let told = false; ; told = true) {
    for (const base of segmentBases(await listIfThere(fs, directory)).reverse()) {
      const header = await readHeaderIfThere(fs, directory, base);
      if (header !== undefined) return header.logId;
    }
    if (!told) logger.info({ directory }, "there is no log yet: waiting for one");
    await sleep(WAIT_FOR_LOG_MS);
  }
}

function say(logger: Logger, { status }: ProjectorReport): void {
  const { state, lag, checkpoint, lastError } = status;
  const fields = { projection: "mongodb", state, lag, checkpoint };
  if (state === "running") logger.info(fields, "MongoDB is up");
  else if (state === "retrying") logger.warn(fields, `MongoDB does not answer, hits wait in the log: ${lastError}`);
  else logger.error(fields, `the projection is halted: ${lastError}`);
}
