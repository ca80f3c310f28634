import type { Client } from "../../src/model/access.js";
import type { Hit } from "../../src/model/hit.js";
import type { Recorded, RecordedAll } from "../../src/model/services.js";
import { LocalProjection, type SnapshotSink } from "../../src/projection/local.js";
import type { SeriesLimits } from "../../src/projection/series/series.js";
import { loadSnapshots, writeSnapshot } from "../../src/projection/snapshot/snapshot.js";
import type { CollectorOptions } from "../../src/server/admission.js";
import { Collector } from "../../src/server/collector.js";
import { Log, type LogOptions } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";

/** Snapshots written in this thread: the thread of their own needs the build. */
export const directSink: SnapshotSink = {
  async write({ directory, ...snapshot }) {
    await writeSnapshot(new LogDirectory(directory), snapshot);
  },
  close: async () => undefined,
};

const NO_LIMITS: SeriesLimits = { hoursKeptMs: Number.POSITIVE_INFINITY, maxPoints: Number.POSITIVE_INFINITY };

/** A program on this machine. */
export const LOCAL: Client = { key: 0, standing: "local" };

/** Records hits that are not refused, in one batch. */
export function recordAll(collector: Collector, hits: readonly Hit[]): Promise<RecordedAll> {
  const group = collector.group(LOCAL);
  for (const hit of hits) {
    const refused = group.add(hit);
    if (refused === undefined) continue;
    group.abandon();
    return Promise.reject(refused);
  }
  return group.commit();
}

export type LocalLogOptions = Partial<LogOptions> &
  Partial<CollectorOptions> & { readonly windowMs?: number; readonly series?: SeriesLimits };

/** A log with its local projection and a collector on the real file system, as the server puts them together. */
export class LocalLog {
  readonly log: Log;
  readonly local: LocalProjection;
  readonly collector: Collector;

  private constructor(log: Log, local: LocalProjection, options: CollectorOptions) {
    this.log = log;
    this.local = local;
    this.collector = new Collector(log, local, options);
  }

  static async open(directory: string, options: LocalLogOptions = {}): Promise<LocalLog> {
    const { maxCounters = 1_000_000, maxIdempotencyKeys = 1_000_000, windowMs = 86_400_000, ...more } = options;
    const { countersAllow = ["*"], series = NO_LIMITS, ...rest } = more;
    const logDirectory = new LogDirectory(directory);
    const loaded = await loadSnapshots(logDirectory);
    const log = await Log.open({
      directory: logDirectory,
      segmentBytes: 64 * 1024,
      maxQueuedBytes: 1024 * 1024,
      witnesses: loaded.witnesses,
      ...rest,
    });
    try {
      const local = await LocalProjection.open({
        log,
        loaded,
        sink: directSink,
        idempotencyWindowMs: windowMs,
        series,
      });
      return new LocalLog(log, local, { maxCounters, maxIdempotencyKeys, countersAllow });
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  record(hit: Hit): Promise<Recorded> {
    return this.collector.record(hit, LOCAL);
  }

  recordAll(hits: readonly Hit[]): Promise<RecordedAll> {
    return recordAll(this.collector, hits);
  }

  /** Counts so many hits of a counter, each on its own. */
  async hit(counter: string, times = 1): Promise<void> {
    await Promise.all(Array.from({ length: times }, () => this.record({ counter, n: 1 })));
  }

  async close(): Promise<void> {
    await this.log.close();
  }
}
