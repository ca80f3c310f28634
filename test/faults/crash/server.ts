import { LocalProjection } from "../../../src/projection/local.js";
import { loadSnapshots, writeSnapshot } from "../../../src/projection/snapshot/snapshot.js";
import type { SnapshotJob } from "../../../src/projection/snapshot/snapshot-worker.js";
import { Collector } from "../../../src/server/collector.js";
import type { FileSystem } from "../../../src/wal/file-system.js";
import { Log } from "../../../src/wal/log.js";
import { LogDirectory } from "../../../src/wal/log-directory.js";

export const DIRECTORY = "/data/log";
export const directoryOn = (fs: FileSystem) => new LogDirectory(DIRECTORY, fs);
/** Small, so that a few hits fill one. */
export const SEGMENT_BYTES = 12 * 1024;
const DAY_MS = 86_400_000;

/** Log, local projection with snapshots, and collector, as the server puts them together, on any file system. */
export interface Server {
  readonly log: Log;
  readonly local: LocalProjection;
  readonly collector: Collector;
  /** Snapshots that could not be used. */
  readonly damagedSnapshots: readonly string[];
}

export async function openServer(fs: FileSystem, onFailure: () => void = () => undefined): Promise<Server> {
  const logDirectory = directoryOn(fs);
  const loaded = await loadSnapshots(logDirectory);
  const log = await Log.open({
    directory: logDirectory,
    segmentBytes: SEGMENT_BYTES,
    maxQueuedBytes: 64 * 1024,
    witnesses: loaded.witnesses,
    onFailure,
    lock: async () => ({ release: async () => undefined }),
  });
  const sink = {
    async write(snapshot: SnapshotJob) {
      await writeSnapshot(logDirectory, snapshot);
    },
    close: async () => undefined,
  };
  const local = await LocalProjection.open({ log, loaded, sink, idempotencyWindowMs: DAY_MS });
  const collector = new Collector(log, local, { maxCounters: 1000, maxIdempotencyKeys: 10_000, countersAllow: ["*"] });
  return { log, local, collector, damagedSnapshots: loaded.damaged.map(({ file }) => file) };
}
