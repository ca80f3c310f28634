import { foldHits } from "../hit/record.js";
import type { SnapshotFile } from "../projection/snapshot/snapshot.js";
import type { Damage } from "../wal/damage.js";
import type { LogDirectory } from "../wal/log-directory.js";
import { LogReader } from "../wal/log-reader.js";
import { type MissingRange, readMissingRanges } from "../wal/missing-ranges.js";
import { LOCK_NAME } from "../wal/segment-name.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { readWholeFile } from "../wal/whole-file.js";
import { forEachSegment, logIdOf, readToEnd } from "./log-directory.js";
import { readWitnesses, type Witnesses } from "./verify/witnesses.js";

export interface StatusReport {
  readonly log: {
    readonly id: string | undefined;
    readonly epoch: number | undefined;
    /** The first offset there is, and the first not written yet. */
    readonly start: number;
    readonly end: number;
    readonly segments: number;
    readonly bytes: number;
    readonly damage: readonly Damage[];
    /** What repairs have written down. */
    readonly missing: readonly MissingRange[];
  };
  /** Newest first. */
  readonly snapshots: readonly SnapshotFile[];
  readonly projections: readonly ProjectionRow[];
  /** What the lock file says of whoever opened the log last. Nobody may hold the lock any more. */
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

/** Reads a log once, from end to end. Throws `OFFSET_GONE` or `ENOENT` when the server removed what came next. */
export async function logStatus(directory: LogDirectory): Promise<StatusReport> {
  const witnesses = await readWitnesses(directory);
  const lags = new Lags(witnesses.registrations);
  const damage: Damage[] = [];
  const missing = await readMissingRanges(directory);
  let end = 0;
  const reader = new LogReader({ directory, from: undefined, missing });
  let newest: number | undefined;
  try {
    const logEnd = await readToEnd(reader, {
      batch(batch) {
        end = batch.endOffset;
        lags.add(batch);
      },
      damage: (one) => damage.push(one),
    });
    newest = logEnd.segment;
  } finally {
    await reader.close();
  }
  end = Math.max(end, newest ?? 0);
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

function problemOf(registration: Witnesses["registrations"][number], start: number, end: number): string | undefined {
  const { damaged, offset } = registration;
  if (damaged !== undefined) return `its registration is damaged: ${damaged}`;
  if (offset > end) return `it knows of offsets that the log does not have: the log ends at ${end}`;
  return offset < start ? `the log begins at ${start} by now: its lag is what is left` : undefined;
}

/** Hits behind each checkpoint. Damage hides some: a lag may then be too low. */
class Lags {
  readonly hits: number[];
  readonly #checkpoints: readonly number[];
  readonly #lowest: number;

  constructor(registrations: Witnesses["registrations"]) {
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
    // Not there, or not for this user to read: it is for people only.
    return undefined;
  }
}
