import { parentPort } from "node:worker_threads";
import { describeError } from "../../errors.js";
import { LogDirectory } from "../../wal/log-directory.js";
import type { KeysImage } from "../idempotency-keys.js";
import type { TotalsImage } from "../totals.js";
import { type NewSnapshotFacts, writeSnapshot } from "./snapshot.js";

/** Writes snapshots in a thread of its own: checksums and syncs of a million counters must not hold up a request. */
export interface SnapshotJob {
  readonly directory: string;
  readonly facts: NewSnapshotFacts;
  readonly image: TotalsImage;
  readonly keys: KeysImage;
}

export type SnapshotOutcome = { readonly written: string } | { readonly error: string };

const port = parentPort;
port?.on("message", (job: SnapshotJob) => {
  writeSnapshot(new LogDirectory(job.directory), job.facts, job.image, job.keys).then(
    (written) => port.postMessage({ written } satisfies SnapshotOutcome),
    (error: unknown) => port.postMessage({ error: describeError(error) } satisfies SnapshotOutcome),
  );
});
