import { Collector } from "../../src/collector.js";
import { LocalProjection, loadSnapshots, type SnapshotSink } from "../../src/projection/local.js";
import { writeSnapshot } from "../../src/projection/snapshot.js";
import { Log, type LogOptions } from "../../src/wal/log.js";
import { nodeFileSystem } from "../../src/wal/node-file-system.js";

/** Snapshots written in this thread: the thread of their own needs the build. */
export const directSink: SnapshotSink = {
  async write({ directory, facts, image }) {
    await writeSnapshot(nodeFileSystem, directory, facts, image);
  },
  close: async () => undefined,
};

/** A log with its local projection and a collector on the real file system, as the server puts them together. */
export class LocalLog {
  readonly log: Log;
  readonly local: LocalProjection;
  readonly collector: Collector;

  private constructor(log: Log, local: LocalProjection, maxCounters: number) {
    this.log = log;
    this.local = local;
    this.collector = new Collector(log, local, maxCounters);
  }

  static async open(
    directory: string,
    options: Partial<LogOptions> & { maxCounters?: number } = {},
  ): Promise<LocalLog> {
    const { maxCounters = 1_000_000, ...rest } = options;
    const loaded = await loadSnapshots(nodeFileSystem, directory);
    const log = await Log.open({
      directory,
      segmentBytes: 64 * 1024,
      maxQueuedBytes: 1024 * 1024,
      witnesses: loaded.witnesses,
      ...rest,
    });
    try {
      return new LocalLog(log, await LocalProjection.open(log, loaded, directSink), maxCounters);
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
