import { foldHits } from "../hit/record.js";
import type { SnapshotFile } from "../projection/snapshot/snapshot.js";
import type { LogStatus } from "../wal/log.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { readMissingRanges } from "../wal/missing-ranges.js";
import { LOCK_NAME } from "../wal/segment-name.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { readWholeFile } from "../wal/whole-file.js";
import { forEachSegment, logIdOf } from "./log-directory.js";
import { readLog } from "./read-log.js";
import { readWitnessFiles, type WitnessFiles } from "./verify/witnesses.js";

export interface StatusReport {
  readonly log: Omit<LogStatus, "id" | "epoch"> & {
    readonly id: string | undefined;
    readonly epoch: number | undefined;
  };
  /** Newest first. */
  readonly snapshots: readonly SnapshotFile[];
  readonly projections: readonly ProjectionRow[];
  /** The lock file's text about the process that opened the log last. It may hold the lock no longer. */
  readonly lastOpenedBy: string | undefined;
}

export interface ProjectionRow {
  readonly name: string;
  /** The first offset that it has not applied. */
  readonly checkpoint: number;
  /** Hits in the log from there on. */
  readonly lag: number;
  readonly updatedAt: string;
  readonly problem: string | undefined;
}

/** Reads a log once, from end to end. Throws `OFFSET_GONE` or `ENOENT` if the server removed what came next. */
export async function logStatus(directory: LogDirectory): Promise<StatusReport> {
  const witnesses = await readWitnessFiles(directory);
  const lags = new Lags(witnesses.registrations);
  const missing = await readMissingRanges(directory);
  const reading = await readLog({ directory, missing }, { batch: (batch) => lags.add(batch) });
  const { segment: newest, damage } = reading;
  const end = Math.max(reading.end, newest ?? 0);
  let [segments, bytes, start] = [0, 0, end];
  let epoch: number | undefined;
  await forEachSegment(directory, newest, (segment, size) => {
    if (segments === 0) start = segment.baseOffset;
    segments++;
    bytes += size;
    epoch = segment.header?.epoch ?? epoch;
  });
  const id = await logIdOf(directory);
  return {
    log: { id, epoch, start, end, segments, bytes, damage, missing: missing.ranges },
    snapshots: witnesses.snapshots,
    projections: witnesses.registrations.map((registration, index) => ({
      name: registration.name,
      checkpoint: registration.offset,
      lag: lags.hits[index] ?? 0,
      updatedAt: registration.updatedAt,
      problem: problemOf(registration, start, end),
    })),
    lastOpenedBy: await lockText(directory),
  };
}

function problemOf(
  registration: WitnessFiles["registrations"][number],
  start: number,
  end: number,
): string | undefined {
  const { damaged, offset } = registration;
  if (damaged !== undefined) return `its registration is damaged: ${damaged}`;
  if (offset > end) return `its checkpoint is past the end of the log, at ${end}`;
  return offset < start ? `the log begins at ${start} by now: the lag counts only what is left` : undefined;
}

/** The hits from each checkpoint on. Damage hides some: a lag may then be too low. */
class Lags {
  readonly hits: number[];
  readonly #checkpoints: readonly number[];
  readonly #lowest: number;

  constructor(registrations: WitnessFiles["registrations"]) {
    this.#checkpoints = registrations.map(({ offset }) => offset);
    this.#lowest = Math.min(...this.#checkpoints);
    this.hits = this.#checkpoints.map(() => 0);
  }

  add(batch: LogBatch): void {
    if (batch.endOffset <= this.#lowest) return;
    let offset = batch.baseOffset;
    foldHits(
      batch,
      () => 0,
      (_key, n) => {
        for (const [index, checkpoint] of this.#checkpoints.entries()) {
          if (offset >= checkpoint) this.hits[index] = (this.hits[index] ?? 0) + n;
        }
        offset++;
      },
    );
  }
}

async function lockText(directory: LogDirectory): Promise<string | undefined> {
  try {
    const text = (await readWholeFile(directory.fs, directory.file(LOCK_NAME))).toString("utf8").trim();
    return text === "" ? undefined : text;
  } catch {
    // Missing, or not readable by this user: it is for people only.
    return undefined;
  }
}
