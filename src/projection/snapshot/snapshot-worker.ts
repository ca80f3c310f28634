import { parentPort } from "node:worker_threads";
import { describeError } from "../../errors.js";
import { LogDirectory } from "../../wal/log-directory.js";
import type { DayImage } from "../series/day-table.js";
import { writeSnapshot } from "./snapshot.js";
import type { NewSnapshot } from "./snapshot-format.js";

/** A snapshot for this thread to write: checksums and syncs of a million counters must not hold up a request. */
export interface SnapshotJob extends NewSnapshot {
  readonly directory: string;
}

/** A part of the series of the job that comes after it, or that job, without these. */
export type SnapshotMessage = SnapshotJob | { readonly days: readonly DayImage[] };

export type SnapshotOutcome = { readonly written: string } | { readonly error: string };

const port = parentPort;
let days: DayImage[] = [];
port?.on("message", (message: SnapshotMessage) => {
  if ("days" in message) {
    days = [...days, ...message.days];
    return;
  }
  const { directory, image, ...job } = message;
  const whole = { ...image, series: { ...image.series, days } };
  days = [];
  writeSnapshot(new LogDirectory(directory), { ...job, image: whole }).then(
    (written) => port.postMessage({ written } satisfies SnapshotOutcome),
    (error: unknown) => port.postMessage({ error: describeError(error) } satisfies SnapshotOutcome),
  );
});
