import { pino } from "pino";
import { type Config, readConfig } from "../config.js";
import { describeError, HitsError } from "../errors.js";
import { collect } from "./collect.js";
import { exitStatus, SOFTWARE } from "./shutdown.js";

/**
 * Runs the server: reads the settings, then starts the role they name. `collect.ts` composes log, local projection, MongoDB
 * projection and HTTP; `project.ts` runs a projection that follows another process's log. Resolves once it runs; the
 * process ends on a signal, or when the log fails.
 */
export async function serve(environment: NodeJS.ProcessEnv): Promise<void> {
  let config: Config;
  try {
    config = readConfig(environment);
    // The driver is loaded only if there is a database.
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
    logger.fatal({ err: error }, "unexpected error; shutting down; acknowledged hits are on disk");
    process.exit(SOFTWARE);
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
