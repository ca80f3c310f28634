import { FreeSpace } from "../../src/host/free-space.js";
import type { ProjectionStatus } from "../../src/model/status.js";
import { View } from "../../src/projection/view.js";
import { BatchMetrics } from "../../src/server/monitoring/batch-metrics.js";
import { Dashboard } from "../../src/server/monitoring/dashboard.js";
import { Metrics } from "../../src/server/monitoring/metrics.js";
import type { ExternalProjections } from "../../src/server/projections.js";
import { ServerStatus, Tally } from "../../src/server/server-status.js";
import { LocalLog, type LocalLogOptions } from "./local-log.js";

export interface LocalServices {
  readonly run: LocalLog;
  readonly tally: Tally;
  readonly status: ServerStatus;
  readonly metrics: Metrics;
  readonly dashboard: Dashboard;
  /** Statuses of projections other than the local one; a test makes them up. */
  readonly external: { projections: ProjectionStatus[] };
}

/** Composes the parts of a server around a real log, without HTTP; `run.close()` ends it. */
export async function openLocalServices(directory: string, options: LocalLogOptions = {}): Promise<LocalServices> {
  const batches = new BatchMetrics();
  const run = await LocalLog.open(directory, { ...options, onBatch: batches.note });
  const { log, local, collector } = run;
  const external = { projections: [] as ProjectionStatus[] };
  const projection: ExternalProjections = {
    database: undefined,
    statuses: () => external.projections,
    stop: async () => undefined,
  };
  const view = new View(local, undefined);
  const tally = new Tally();
  const status = new ServerStatus({ log, local, collector, external: projection, tally });
  const space = new FreeSpace(directory);
  const build = { version: "1.2.3", node: "20.19.0", role: "all" };
  const limits = { maxQueuedBytes: 1024 * 1024, maxCounters: 5000, maxIdempotencyKeys: 1000, ...options };
  const sources = { status, readiness: log, batches, tally, log, keys: local.keys, view };
  const metrics = new Metrics({ build, limits, space, sources });
  const dashboard = new Dashboard({ segmentBytes: 64 * 1024, maxCounters: limits.maxCounters, space, sources });
  return { run, tally, status, metrics, dashboard, external };
}
