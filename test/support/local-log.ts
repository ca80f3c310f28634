import { LocalProjection, type SnapshotSink } from "../../src/projection/local.js";
import { loadSnapshots, writeSnapshot } from "../../src/projection/snapshot/snapshot.js";
import { Collector, type CollectorOptions } from "../../src/server/collector.js";
import { Log, type LogOptions } from "../../src/wal/log.js";
import { LogDirectory } from "../../src/wal/log-directory.js";

/** Snapshots written in this thread: the thread of their own needs the build. */
export const directSink: SnapshotSink = {
  async write({ directory, ...snapshot }) {
    await writeSnapshot(new LogDirectory(directory), snapshot);
  },
  close: async () => undefined,
};

export type LocalLogOptions = Partial<LogOptions> & Partial<CollectorOptions> & { readonly windowMs?: number };

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
    const { countersAllow = ["*"], ...rest } = more;
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
      const local = await LocalProjection.open({ log, loaded, sink: directSink, idempotencyWindowMs: windowMs });
      return new LocalLog(log, local, { maxCounters, maxIdempotencyKeys, countersAllow });
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Counts so many hits of a counter, each on its own. */
  async hit(counter: string, times = 1): Promise<void> {
    await Promise.all(Array.from({ length: times }, () => this.collector.record({ counter, n: 1 })));
  }

  async close(): Promise<void> {
    await this.log.close();
  }
}
