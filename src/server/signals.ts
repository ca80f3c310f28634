import type { Logger } from "pino";
import { exitStatus } from "./exit-status.js";

/** The whole stop takes at most 8 s. */
const STOP_WITHIN_MS = 7500;
/** npm and a terminal both pass Ctrl-C on: so soon after the first, the same signal is the same wish. */
const SAME_SIGNAL_MS = 100;

/** The first SIGTERM or SIGINT stops in order, a second one at once. */
export function stopOnSignals(logger: Logger, stop: () => Promise<void>): void {
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
