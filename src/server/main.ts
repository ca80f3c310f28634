import { pino } from "pino";
import { type Config, readConfig } from "../config.js";
import { describeError, HitsError } from "../errors.js";
import { collect } from "./collect.js";
import { exitStatus } from "./exit-status.js";

const FAULT = 70;

/**
 * The way in: settings → the role they ask for. `collect.ts` puts log, local projection, MongoDB projection and HTTP
 * together, `project.ts` a projection that follows another process's log. Resolves once it runs; the process ends itself
 * when it is told to stop, or when the log fails.
 */
export async function serve(environment: NodeJS.ProcessEnv): Promise<void> {
  let config: Config;
  try {
    config = readConfig(environment);
    // Loaded only where there is a database.
    if (config.mongodb !== undefined) {
      const { checkMongoUrl } = await import("../projection/mongo/mongo-store.js");
      checkMongoUrl(config.mongodb.url);
    }
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exit(exitStatus(error));
  }
  const { logLevel: level } = config;
  const logger = pino({ name: "durable-hits", level }, pino.destination({ dest: 2, sync: true }));
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "a fault in this program: stopping; what was acknowledged is on disk");
    process.exit(FAULT);
  });
  try {
    if (config.role === "project") {
      const { project } = await import("./project.js");
      await project(config, logger);
    } else {
      await collect(config, logger);
    }
  } catch (error) {
    logger.fatal({ code: error instanceof HitsError ? error.code : undefined }, describeError(error));
    process.exit(exitStatus(error));
  }
}
