import { describeError, HitsError, systemCode } from "../errors.js";
import type { KeyedHit } from "../model/hit.js";
import type { Log } from "../wal/log.js";
import type { LogBatch } from "../wal/segment-reader.js";
import { FoldQueue } from "./fold-queue.js";
import { IdempotencyKeys, keyOf } from "./idempotency-keys.js";
import type { SeriesLimits } from "./series/series.js";
import { KEPT_SNAPSHOTS, type LoadedSnapshots } from "./snapshot/snapshot.js";
import type { NewSnapshotFacts } from "./snapshot/snapshot-format.js";
import type { SnapshotJob } from "./snapshot/snapshot-worker.js";
import { Totals } from "./totals.js";

/** A writer of snapshots: off the request thread, or in tests on a file system of their own. */
export interface SnapshotSink {
  /** Resolves once the snapshot is durable. */
  write(job: SnapshotJob): Promise<void>;
  close(): Promise<void>;
}

export interface LocalProjectionOptions {
  readonly log: Log;
  readonly loaded: LoadedSnapshots;
  readonly sink: SnapshotSink;
  readonly idempotencyWindowMs: number;
  readonly series?: SeriesLimits;
}

/** When a snapshot is due. */
export interface SnapshotDue {
  /** After this many records since the last one. */
  readonly records: number;
  /** After this long, if there have been any records. */
  readonly milliseconds: number;
  /** After this long, if other logs' counts have changed: nothing else on this disk has these. */
  readonly remoteMilliseconds: number;
}

/**
 * The local projection: totals by counter in memory, which serve every read. At the start it folds a snapshot and the rest of
 * the log, from then on each batch once it is durable. Without anything to start from it halts, with the reason: hits are
 * still accepted, but no count is shown.
 */
export class LocalProjection {
  /** Undefined once it has halted. */
  readonly totals: Totals | undefined;
  readonly halted: HitsError | undefined;
  /** The keys of hits within the window, with their first answers. */
  readonly keys: IdempotencyKeys;
  /** What is durable and counted, and not in all of the projection yet: in the order of the log. */
  readonly folds = new FoldQueue();
  /** RFC 3339: the time from which it has been running, or halted. */
  readonly since = new Date().toISOString();
  /** The offset from which the log was read at the start. */
  readonly readFrom: number;
  readonly #log: Log;
  readonly #sink: SnapshotSink;
  #offset: number;
  /** Offsets of the sound snapshots that are kept, oldest first. */
  #keptOffsets: readonly number[];
  #snapshotAt = performance.now();
  #recordsSince = 0;
  #remoteAsOf: string | null;
  #remoteChanged = false;
  #writing: Promise<void> | undefined;

  private constructor(
    { log, loaded, sink }: LocalProjectionOptions,
    keys: IdempotencyKeys,
    start: { totals: Totals; offset: number } | HitsError,
  ) {
    const newest = loaded.newest?.facts;
    const snapshotOffset = newest?.offset;
    const from = snapshotOffset ?? 0;
    this.keys = keys;
    this.#remoteAsOf = newest?.asOf ?? null;
    this.#log = log;
    this.#sink = sink;
    this.readFrom = from;
    this.halted = start instanceof HitsError ? start : undefined;
    this.totals = start instanceof HitsError ? undefined : start.totals;
    this.#offset = start instanceof HitsError ? from : start.offset;
    this.#keptOffsets = snapshotOffset === undefined ? [] : [snapshotOffset];
  }

  /**
   * Folds what the snapshot does not cover. Throws `UNKNOWN_RECORD_TYPE`, `INVALID_RECORD`, and `LOG_FAILED` if the disk
   * can't be read: then the server must not start.
   */
  static async open(options: LocalProjectionOptions): Promise<LocalProjection> {
    const { log, loaded, idempotencyWindowMs, series } = options;
    const now = Date.now();
    const keys = new IdempotencyKeys(idempotencyWindowMs);
    keys.restore(loaded.newest?.keys ?? Buffer.alloc(0), now);
    const from = loaded.newest?.facts.offset ?? 0;
    const totals = loaded.newest?.totals ?? new Totals();
    if (series !== undefined) totals.series.setLimits(series);
    for (const damage of loaded.newest?.facts.damage ?? []) log.reportDamage(damage);
    let offset = from;
    let records = 0;
    const reader = log.reader(from);
    try {
      for (;;) {
        const step = await reader.next();
        if ("end" in step) break;
        if ("damage" in step) {
          log.reportDamage(step.damage);
          offset = Math.max(offset, step.damage.to ?? 0);
          continue;
        }
        totals.fold(step.batch, keys.isKept(step.batch.time, now) ? keyRecorder(step.batch, totals, keys) : undefined);
        if (step.batch.count > 0 || step.batch.missing !== undefined) offset = Math.max(offset, step.batch.endOffset);
        records += step.batch.count;
      }
    } catch (error) {
      if (!(error instanceof HitsError) && systemCode(error) !== undefined) throw readError(log.directory.path, error);
      if (!(error instanceof HitsError && error.code === "OFFSET_GONE")) throw error;
      return new LocalProjection(options, keys, haltError(error, loaded));
    } finally {
      await reader.close();
    }
    const projection = new LocalProjection(options, keys, { totals, offset });
    projection.#recordsSince = records;
    return projection;
  }

  /** The first offset that is not in all of the projection. */
  get offset(): number {
    return this.#offset;
  }

  /** RFC 3339: the time of other logs' counts in the totals; null for none. */
  get remoteAsOf(): string | null {
    return this.#remoteAsOf;
  }

  get incomplete(): boolean {
    return this.#log.damage.length > 0;
  }

  /** The offset that retention may not pass: that of the older of the two kept snapshots; 0 while there are fewer. */
  get neededFrom(): number {
    const older = this.#keptOffsets[0];
    return older === undefined || this.#keptOffsets.length < KEPT_SNAPSHOTS ? 0 : older;
  }

  /** Notes that everything below `endOffset` has been added to the projection. Called in the order of the log. */
  advance(endOffset: number, records: number): void {
    this.#offset = endOffset;
    this.#recordsSince += records;
  }

  /** Notes the time of the database's last answer (RFC 3339), and whether it changed other logs' counts in the totals. */
  noteRemote(asOf: string | null, changed: boolean): void {
    this.#remoteAsOf = asOf;
    this.#remoteChanged ||= changed;
  }

  /** Writes a snapshot if one is due. */
  async snapshotIfDue({ records, milliseconds, remoteMilliseconds }: SnapshotDue): Promise<void> {
    const age = performance.now() - this.#snapshotAt;
    const due =
      this.#recordsSince >= records ||
      (this.#recordsSince > 0 && age >= milliseconds) ||
      (this.#remoteChanged && age >= remoteMilliseconds);
    if (due) await this.snapshot();
  }

  /** Writes a snapshot of the totals unless nothing has changed since the last. Rejects if it could not be written. */
  async snapshot(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    // A snapshot has one offset: all below it, nothing from it on.
    while (!this.folds.isEmpty) await this.folds.settled();
    if (this.totals === undefined || (this.#recordsSince === 0 && !this.#remoteChanged)) return;
    const facts: NewSnapshotFacts = {
      logId: this.#log.id,
      epoch: this.#log.epoch,
      nonce: this.#log.nonce,
      offset: this.#offset,
      created: new Date().toISOString(),
      asOf: this.#remoteAsOf,
      damage: this.#log.damage,
    };
    const records = this.#recordsSince;
    const remoteChanged = this.#remoteChanged;
    this.#recordsSince = 0;
    this.#remoteChanged = false;
    this.#snapshotAt = performance.now();
    const directory = this.#log.directory.path;
    this.#writing = this.#sink.write({ directory, facts, image: this.totals.image(), keys: this.keys.image() });
    try {
      await this.#writing;
      // A snapshot at the same offset replaces the one before: it is not a second one to fall back on.
      if (this.#keptOffsets.at(-1) !== facts.offset)
        this.#keptOffsets = [...this.#keptOffsets, facts.offset].slice(-KEPT_SNAPSHOTS);
    } catch (error) {
      this.#recordsSince += records;
      this.#remoteChanged ||= remoteChanged;
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }
}

/** Returns a function that adds the key of a hit of this batch, with the count that its answer had. */
export function keyRecorder(batch: LogBatch, totals: Totals, keys: IdempotencyKeys) {
  return (index: number, hit: KeyedHit, offset: number) =>
    keys.add(keyOf(hit), offset, totals.countAt(index) + totals.remote(index), batch.time);
}

function readError(directory: string, error: unknown): HitsError {
  const message = `cannot read ${directory} (${describeError(error)}): no hit was accepted. Fix the disk and start again`;
  return new HitsError("LOG_FAILED", message, { cause: error });
}

function haltError(gone: HitsError, loaded: LoadedSnapshots): HitsError {
  const damaged = loaded.damaged.map((snapshot) => `${snapshot.file}: ${snapshot.invalid}`).join("; ");
  const why = damaged === "" ? "no snapshot reaches that far" : `the snapshots can't be read (${damaged})`;
  return new HitsError(
    "PROJECTION_HALTED",
    `the totals are unknown: ${describeError(gone)}, and ${why}. Hits are accepted and kept. To show counts again, stop the ` +
      "server and restore a sound snapshot or the missing segments from a backup, or fork the log into a new directory",
    { cause: gone },
  );
}
