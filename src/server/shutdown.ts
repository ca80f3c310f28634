import type { Logger } from "pino";
import { HitsError, systemCode } from "../errors.js";

/** Exit statuses as in sysexits.h, which service managers understand. */
const UNAVAILABLE = 69;
export const SOFTWARE = 70;
const IO_ERROR = 74;
const TEMPORARY = 75;
const CONFIGURATION = 78;

/** Returns the exit status for the error that ended the process. */
export function exitStatus(error: unknown): number {
  if (!(error instanceof HitsError)) return systemCode(error) !== undefined ? UNAVAILABLE : SOFTWARE;
  switch (error.code) {
    case "INVALID_SETTING":
    case "LOG_DIRECTORY":
    case "LOCK_UNSUPPORTED":
      return CONFIGURATION;
    case "LOG_LOCKED":
      return TEMPORARY;
    default:
      return IO_ERROR;
  }
}

/** The whole shutdown takes at most 8 s. */
const STOP_WITHIN_MS = 7500;
/** npm and a terminal both pass Ctrl-C on: a signal this soon after the first is the same request. */
const SAME_SIGNAL_MS = 100;

/** Makes the first SIGTERM or SIGINT stop the process in order, and a second one at once. */
export function stopOnSignals(logger: Logger, stop: () => Promise<void>): void {
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt !== undefined) {
      if (now - firstAt < SAME_SIGNAL_MS) return;
      logger.warn({ signal }, "second signal: exiting at once");
      process.exit(1);
    }
    firstAt = now;
    logger.info({ signal }, "stopping");
    setTimeout(() => {
      logger.error({}, "shutdown timed out; acknowledged hits are on disk");
      process.exit(1);
    }, STOP_WITHIN_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, "shutdown failed; acknowledged hits are on disk");
        process.exit(exitStatus(error));
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}
