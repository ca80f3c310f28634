import { setTimeout as sleep } from "node:timers/promises";
import { LogDirectory } from "../../wal/log-directory.js";
import { bootstrap } from "./bootstrap.js";
import type { ProjectionSettings, ProjectorReport } from "./messages.js";
import { MongoStore } from "./mongo-store.js";
import type { Projector } from "./projector.js";
import { Reporter } from "./reporter.js";

const REPORT_EVERY_MS = 250;
const FLUSH_POLL_MS = 20;

export interface RunOptions extends ProjectionSettings {
  /** The writer's durable end, inside its process. */
  readonly durableEnd: (() => number) | undefined;
  readonly onReport: (report: ProjectorReport) => void;
  /** Everything owed has been reported. */
  readonly onReady: () => void;
}

/** A projection that runs in a thread or a process of its own. */
export interface RunningProjection {
  /** Resolves when the projection has ended; rejects if the log can't be followed. */
  readonly ended: Promise<void>;
  /** Brings the database up to date if it answers in time, records the checkpoint, and stops. */
  stop(withinMs: number): Promise<void>;
}

/** Composes the projection from the log directory and runs it. */
export async function runProjector(options: RunOptions): Promise<RunningProjection> {
  const { directory, logId, url, database, maxOps, durableEnd, onReport, series } = options;
  let projector: Projector | undefined;
  // First, since anything else takes time: a URL that can't be parsed is reported at once.
  const store = new MongoStore({ url, database, logId, onChange: (answers) => projector?.noteChange(answers) });
  let reporter: Reporter | undefined;
  const onRemote = (name: string, count: number) => reporter?.noteRemote(name, count);
  const limits = series === undefined ? {} : { series };
  const start = await bootstrap({
    directory: new LogDirectory(directory),
    logId,
    maxOps,
    durableEnd,
    onRemote,
    ...limits,
  });
  while (await start.follower.step());
  const running = start.projector(store);
  projector = running;
  const reporting = new Reporter(start.counters, options.remote);
  reporter = reporting;
  start.counters.reportOwed();
  const reportAll = () => {
    let step = reporting.takeReport(running);
    onReport(step.report);
    while (step.more) {
      step = reporting.takeReport(running);
      onReport(step.report);
    }
  };
  reportAll();
  options.onReady();
  const timer = setInterval(() => onReport(reporting.takeReport(running).report), REPORT_EVERY_MS);
  const ended = running.run().finally(async () => {
    clearInterval(timer);
    await store.close();
  });
  return {
    ended,
    async stop(withinMs) {
      running.prepareStop();
      for (const until = performance.now() + withinMs; !running.isFlushed && performance.now() < until; ) {
        if (running.status().state !== "running") break;
        await sleep(FLUSH_POLL_MS);
      }
      running.stop();
      reportAll();
      await ended;
    },
  };
}
