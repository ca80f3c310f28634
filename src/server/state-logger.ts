import type { Logger } from "pino";
import type { ProjectorStatus } from "../projection/mongo/messages.js";

/** Logs changes of the MongoDB projection's state with their reasons: once each, not with every report. */
export class StateLogger {
  readonly #logger: Logger;
  #state = "";

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Takes a report. `fields` are added to the log line. */
  note({ state, lastError }: ProjectorStatus, fields: object): void {
    // The state is unknown until the database has answered or failed.
    if (state === this.#state || (state === "retrying" && lastError === null)) return;
    this.#state = state;
    const all = { projection: "mongodb", state, ...fields };
    if (state === "running") this.#logger.info(all, "MongoDB is up");
    else if (state === "retrying") {
      this.#logger.warn(all, `MongoDB does not respond; hits wait in the log: ${lastError}`);
    } else this.#logger.error(all, `the MongoDB projection is halted: ${lastError}`);
  }
}
