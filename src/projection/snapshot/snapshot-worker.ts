import { parentPort } from "node:worker_threads";
import { describeError } from "../../errors.js";
import { LogDirectory } from "../../wal/log-directory.js";
import { writeSnapshot } from "./snapshot.js";
import type { NewSnapshot } from "./snapshot-format.js";

/** A snapshot for this thread to write: checksums and syncs of a million counters must not hold up a request. */
export interface SnapshotJob extends NewSnapshot {
  readonly directory: string;
}

export type SnapshotOutcome = { readonly written: string } | { readonly error: string };

const port = parentPort;
port?.on("message", (job: SnapshotJob) => {
  writeSnapshot(new LogDirectory(job.directory), job).then(
    (written) => port.postMessage({ written } satisfies SnapshotOutcome),
    (error: unknown) => port.postMessage({ error: describeError(error) } satisfies SnapshotOutcome),
  );
});
