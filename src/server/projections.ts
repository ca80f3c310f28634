import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config, MongoSettings } from "../config.js";
import type { ProjectionStatus } from "../model/status.js";
import { ConfirmedCounts } from "../projection/confirmed-counts.js";
import type { LocalProjection } from "../projection/local.js";
import type { ProjectorReport, ProjectorStatus } from "../projection/mongo/messages.js";
import { ProjectionThread } from "../projection/mongo/projection-thread.js";
import type { Totals } from "../projection/totals.js";
import type { Log } from "../wal/log.js";
import { readRegistrations } from "../wal/registrations.js";

const BLOCKED_SHOWN = 100;
const REGISTRATIONS_EVERY_MS = 1000;
/**
 * A start waits this long for the pending hits to be known. If the database lacks much of the log, reading it takes longer:
 * until then hits are taken in, and all count as pending.
 */
const READY_WITHIN_MS = 2000;
/** A projection in another process that lags and has not moved for this long is reported as retrying. */
const STALE_MS = 15_000;

/** Projections other than the local one, run by this process or another. */
export interface ExternalProjections {
  /** The database's confirmed counts; undefined if this process has no database. */
  readonly database: ConfirmedCounts | undefined;
  statuses(): readonly ProjectionStatus[];
  stop(flushMs: number): Promise<void>;
}

/** Starts the MongoDB projection in a thread of this process, or watches those that others registered in the log directory. */
export async function startExternalProjections({
  config,
  log,
  local,
  logger,
}: ProjectionOptions): Promise<ExternalProjections> {
  const { mongodb } = config;
  const { totals } = local;
  if (mongodb === undefined || totals === undefined) return new RegisteredProjections(log, local, logger);
  const projection = new ThreadProjection({ config, mongodb, log, local, totals, logger });
  await projection.start();
  return projection;
}

export interface ProjectionOptions {
  readonly config: Config;
  readonly log: Log;
  readonly local: LocalProjection;
  readonly logger: Logger;
}

interface ThreadOptions extends ProjectionOptions {
  readonly mongodb: MongoSettings;
  readonly totals: Totals;
}

class ThreadProjection implements ExternalProjections {
  readonly database: ConfirmedCounts;
  readonly #thread: ProjectionThread;
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #states: StateLogger;
  #failed: { readonly message: string; readonly since: string } | undefined;
  /** Errors since the start of this process, and those of them that the current thread has reported. */
  #errors = 0;
  #reportedErrors = 0;

  constructor({ config, mongodb, log, local, totals, logger }: ThreadOptions) {
    const { url, database, maxOps } = mongodb;
    this.#log = log;
    this.#local = local;
    this.#states = new StateLogger(logger);
    this.database = new ConfirmedCounts(totals, local.remoteAsOf, config.maxCounters);
    const setup = () => {
      local.folds.inOrder(() => this.database.restart());
      const remote = new Map<string, number>();
      for (const [name, index] of totals.names()) {
        const count = totals.remote(index);
        if (count > 0) remote.set(name, count);
      }
      const { id: logId, sharedEnd } = log;
      return { directory: log.directory.path, logId, url, database, maxOps, series: config.series, sharedEnd, remote };
    };
    this.#thread = new ProjectionThread(
      setup,
      {
        onReport: (report) => this.#take(report),
        onReady: () => local.folds.inOrder(() => this.database.markReady()),
        onFailed: (code, message) => {
          this.#failed = { message, since: new Date().toISOString() };
          this.#errors++;
          this.#reportedErrors = 0;
          logger.error({ code, projection: "mongodb" }, `the MongoDB projection stopped: ${message}; retrying`);
        },
      },
      config.maxCounters,
    );
  }

  async start(): Promise<void> {
    await Promise.race([this.#thread.start(), sleep(READY_WITHIN_MS, undefined, { ref: false })]);
  }

  stop(flushMs: number): Promise<void> {
    return this.#thread.stop(flushMs);
  }

  statuses(): ProjectionStatus[] {
    const status = this.database.status;
    const blocked = [...(status?.blocked ?? [])];
    const failed = this.#failed;
    return [
      {
        name: "mongodb",
        checkpoint: status?.checkpoint ?? 0,
        lag: this.database.lag,
        state: failed !== undefined ? "halted" : (status?.state ?? "retrying"),
        blocked: blocked.length,
        blockedCounters: blocked.slice(0, BLOCKED_SHOWN).map(([counter, reason]) => ({ counter, reason })),
        lastError: failed?.message ?? status?.lastError ?? null,
        errors: this.#errors,
        seriesOwed: status?.series.owed ?? 0,
        since: failed?.since ?? new Date(status?.since ?? Date.now()).toISOString(),
      },
    ];
  }

  #take(report: ProjectorReport): void {
    this.#failed = undefined;
    this.#errors += report.status.errors - this.#reportedErrors;
    this.#reportedErrors = report.status.errors;
    // It may be of hits that are durable, and whose names are not in the totals yet.
    this.#local.folds.inOrder(() => {
      this.database.apply(report);
      this.#local.noteRemote(this.database.asOf, report.remote.length > 0);
      this.#states.note(report.status, { lag: this.database.lag, log: this.#log.id });
    });
  }
}

/** Projections of other processes, by their registrations in the log directory, which are read every second. */
class RegisteredProjections implements ExternalProjections {
  readonly database = undefined;
  readonly #log: Log;
  readonly #local: LocalProjection;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;
  #statuses: readonly ProjectionStatus[] = [];
  /** The checkpoint of each projection that lags, and the time when it was first seen there. */
  readonly #lagging = new Map<string, { readonly offset: number; readonly since: number }>();

  constructor(log: Log, local: LocalProjection, logger: Logger) {
    this.#log = log;
    this.#local = local;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.#read(), REGISTRATIONS_EVERY_MS);
    void this.#read();
  }

  statuses(): readonly ProjectionStatus[] {
    return this.#statuses;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  async #read(): Promise<void> {
    try {
      const found = await readRegistrations(this.#log.directory);
      this.#statuses = found.map(({ name, offset, hits, blocked, updatedAt, damaged }) => {
        const lag = Math.max(0, (this.#local.totals?.sum ?? 0) - (hits ?? 0));
        const stale = this.#isStale(name, offset, lag);
        return {
          name,
          checkpoint: offset,
          lag,
          state: damaged !== undefined ? "halted" : stale ? "retrying" : "running",
          blocked: blocked?.length ?? 0,
          lastError: damaged ?? (stale ? "its checkpoint has not moved for a while" : null),
          since: updatedAt,
        };
      });
    } catch (error) {
      this.#logger.warn({ err: error }, "cannot read the registered projections");
    }
  }

  /** Not judged by the time of its last registration: with nothing to do for an hour, it registers nothing. */
  #isStale(name: string, offset: number, lag: number): boolean {
    const before = this.#lagging.get(name);
    if (lag === 0) this.#lagging.delete(name);
    else if (before?.offset !== offset) this.#lagging.set(name, { offset, since: performance.now() });
    else return performance.now() - before.since > STALE_MS;
    return false;
  }
}

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
