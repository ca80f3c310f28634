import type { ProjectorStatus } from "../../../src/projection/mongo/messages.js";
import { type RunningProjection, runProjector } from "../../../src/projection/mongo/run-projector.js";
import { type LocalLog, LocalLog as Logs } from "../../support/local-log.js";
import { temporaryDirectory } from "../../support/server-process.js";

/** A projection of a log in this process with the real driver, and what it has reported. */
export interface RealRun {
  readonly projection: RunningProjection;
  readonly remote: Map<string, number>;
  readonly confirmed: Map<string, number>;
  readonly status: ProjectorStatus | undefined;
}

export interface Opened {
  readonly directory: string;
  readonly log: LocalLog;
}

export async function openLocal(directory = `${temporaryDirectory()}/wal`): Promise<Opened> {
  return { directory, log: await Logs.open(directory) };
}

export async function run({ directory, log }: Opened, url: string, database: string): Promise<RealRun> {
  const remote = new Map<string, number>();
  const confirmed = new Map<string, number>();
  let status: ProjectorStatus | undefined;
  const projection = await runProjector({
    directory,
    logId: log.log.id,
    url,
    database,
    maxOps: 1000,
    durableEnd: () => log.log.end,
    remote: new Map(),
    onReport: (report) => {
      status = report.status;
      for (const [name, count] of report.remote) remote.set(name, count);
      for (const [name, count] of report.confirmed) confirmed.set(name, count);
    },
    onReady: () => undefined,
  });
  return {
    projection,
    remote,
    confirmed,
    get status() {
      return status;
    },
  };
}
