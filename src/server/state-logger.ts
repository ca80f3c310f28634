import type { Logger } from "pino";
import type { ProjectorStatus } from "../projection/mongo/projector-status.js";

/** Tells an operator when the MongoDB projection's state changes, and why: once each time, not with every report. */
export class ProjectionLog {
  readonly #logger: Logger;
  #state = "";

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `fields`: what else the line is to hold. */
  note({ state, lastError }: ProjectorStatus, fields: object): void {
    // Not before the first word from the database, or about it.
    if (state === this.#state || (state === "retrying" && lastError === null)) return;
    this.#state = state;
    const known = { projection: "mongodb", state, ...fields };
    if (state === "running") this.#logger.info(known, "MongoDB is up");
    else if (state === "retrying") {
      this.#logger.warn(known, `MongoDB does not answer, hits wait in the log: ${lastError}`);
    } else this.#logger.error(known, `the MongoDB projection is halted: ${lastError}`);
  }
}
