import { randomBytes, randomInt } from "node:crypto";
import { describeError, HitsError } from "../errors.js";
import { ClosedSegments, measureSegments, type SegmentTotals } from "./closed-segments.js";
import type { Damage } from "./damage.js";
import { NONCE_BYTES, type PreviousSegment } from "./format.js";
import { type BatchTiming, GroupCommit, type RecordGroup } from "./group-commit.js";
import { type Lock, takeLock } from "./lock.js";
import { ensureLogDirectory, type LogDirectory } from "./log-directory.js";
import { LogReader } from "./log-reader.js";
import { type MissingRange, type MissingRanges, readMissingRanges, unreadableList } from "./missing-ranges.js";
import { type Recovery, recover, type Witness } from "./recovery.js";
import { readRegistrations } from "./registrations.js";
import { type RetentionLimits, removeOldSegments } from "./retention.js";
import { SegmentSupply } from "./segment-supply.js";
import { activateSegment, type SegmentWriter } from "./segment-writer.js";

export interface LogOptions {
  readonly directory: LogDirectory;
  readonly segmentBytes: number;
  readonly maxQueuedBytes: number;
  /** Proof of how far this log had come, from outside the segments (see recovery.ts); read once the lock is held. */
  readonly witnesses?: readonly Witness[] | (() => Promise<readonly Witness[]>);
  /** Called once, at the first failed write; the process should then stop. */
  readonly onFailure?: (error: HitsError) => void;
  /** Called for background work that failed and does no harm yet, such as a trim. */
  readonly onWarning?: (message: string) => void;
  /** Called with the timing of every batch, after its groups' callbacks. Must not throw. */
  readonly onBatch?: (batch: BatchTiming) => void;
  /** Replaced in tests that open a log twice in one process. */
  readonly lock?: (directory: string) => Promise<Lock>;
}

export interface LogStatus {
  readonly id: string;
  readonly epoch: number;
  /** The first offset in the log, and the first that is not durable yet. */
  readonly start: number;
  readonly end: number;
  readonly segments: number;
  readonly bytes: number;
  readonly damage: readonly Damage[];
  /** Ranges that repairs have recorded as missing: no longer damage, and kept forever. */
  readonly missing: readonly MissingRange[];
}

/** The results of an opening. */
interface LogParts {
  readonly options: LogOptions;
  readonly lock: Lock;
  readonly recovery: Recovery;
  readonly found: SegmentTotals;
  readonly missing: MissingRanges;
}

/**
 * The entry point of src/wal: an append-only log of opaque records in one directory, with one writer. A record is on stable
 * storage before it is acknowledged; offsets are never used twice. format.ts draws the bytes, recovery.ts describes an
 * opening, group-commit.ts how batches are formed, log-reader.ts how the log is followed.
 */
export class Log {
  readonly id: string;
  readonly epoch: number;
  readonly nonce: string;
  readonly recovery: Recovery;
  readonly directory: LogDirectory;
  /** As read when the log was opened: a repair needs the lock, so it does not change. */
  readonly missing: MissingRanges;
  /** The durable end as a shared 64-bit number, for readers in other threads of this process. */
  readonly sharedEnd = new SharedArrayBuffer(8);

  readonly #lock: Lock;
  readonly #supply: SegmentSupply;
  readonly #commit: GroupCommit;
  readonly #closed: ClosedSegments;
  readonly #onWarning: (message: string) => void;
  readonly #damage = new Map<string, Damage>();
  readonly #sharedEnd = new BigInt64Array(this.sharedEnd);
  #previous: PreviousSegment | undefined;
  #segment: SegmentWriter | undefined;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ options, lock, recovery, found, missing }: LogParts) {
    this.directory = options.directory;
    this.missing = missing;
    this.#lock = lock;
    this.recovery = recovery;
    this.id = recovery.logId ?? newLogId();
    this.epoch = recovery.epoch;
    this.nonce = randomBytes(NONCE_BYTES).toString("hex");
    this.#previous = recovery.previous;
    this.#onWarning = options.onWarning ?? (() => undefined);
    this.#closed = new ClosedSegments({
      directory: options.directory,
      found,
      start: recovery.baseOffset,
      activeBytes: () => this.#segment?.header.preparedSize,
      onWarning: this.#onWarning,
    });
    for (const damage of recovery.damage) this.reportDamage(damage);
    if (missing.damaged !== undefined) this.reportDamage(unreadableList(missing.damaged));
    this.#supply = new SegmentSupply(options.directory, options.segmentBytes);
    // Not the base offset: until its segment exists, a reader would take the gap for missing records.
    this.#moveEnd(recovery.end);
    this.#commit = new GroupCommit({
      supply: this.#supply,
      activate: (size, closing, offset) => this.#activate(size, closing, offset),
      offset: recovery.baseOffset,
      maxQueuedBytes: options.maxQueuedBytes,
      segmentBytes: options.segmentBytes,
      onDurable: (end) => this.#moveEnd(end),
      onFailure: options.onFailure ?? (() => undefined),
      onBatch: options.onBatch,
    });
  }

  /**
   * Locks the directory (created if missing), recovers the log in it, and begins a new epoch. Reads the newest segments
   * only. Throws `LOG_LOCKED`, `LOG_DIRECTORY`, `LOG_FORMAT`, `LOG_ID_UNKNOWN`, `LOG_ID_CONFLICT`; `LOG_FAILED`
   * if what was found, or the first segment, can't be made durable. A full disk is not an error: see `refusal`.
   */
  static async open(options: LogOptions): Promise<Log> {
    const { directory } = options;
    await ensureLogDirectory(directory);
    const lock = await (options.lock ?? takeLock)(directory.path);
    try {
      const witnesses = typeof options.witnesses === "function" ? await options.witnesses() : options.witnesses;
      const registered = (await readRegistrations(directory)).map(({ name, offset, epoch }) => {
        return { source: `the checkpoint of projection ${name}`, logId: undefined, offset, epoch };
      });
      const recovery = await recover(directory, [...(witnesses ?? []), ...registered]);
      const found = await measureSegments(directory);
      if (recovery.logId === undefined && found.count > 0) {
        throw new HitsError(
          "LOG_ID_UNKNOWN",
          `cannot tell which log ${directory.path} is: it has ${found.count} segments, but no readable header or snapshot. ` +
            "Nothing was changed; restore a segment or a snapshot from a backup, or start in another directory",
        );
      }
      const log = new Log({ options, lock, recovery, found, missing: await readMissingRanges(directory) });
      await log.#commit.start();
      return log;
    } catch (error) {
      await lock.release();
      if (error instanceof HitsError) throw error;
      const message = `opening ${directory.path} failed (${describeError(error)}): nothing was accepted; fix the disk and start again`;
      throw new HitsError("LOG_FAILED", message, { cause: error });
    }
  }

  /** Queues records that must go into one batch. Throws the `refusal` at once, with nothing queued. */
  append(group: RecordGroup): void {
    this.#commit.append(group);
  }

  /** Returns the reason why an append of so many bytes would be refused now: `LOG_FAILED`, `CLOSING`, `QUEUE_FULL` or `DISK_FULL`. */
  refusal(bytes = 0): HitsError | undefined {
    return this.#commit.refusal(bytes);
  }

  /** The first offset that is not durable yet. */
  get end(): number {
    return Number(Atomics.load(this.#sharedEnd, 0));
  }

  get queuedBytes(): number {
    return this.#commit.queuedBytes;
  }

  /** A reader for this process, bounded by the durable end. */
  reader(from: number | undefined): LogReader {
    const { directory, missing } = this;
    return new LogReader({ directory, from, durableEnd: () => this.end, missing });
  }

  /**
   * Notes damage that a reader found, or that a snapshot records, so that the status shows it and retention keeps the file;
   * not if a repair has recorded it as missing since.
   */
  reportDamage(damage: Damage): void {
    if (this.missing.covers(damage)) return;
    this.#damage.set(`${damage.file}:${damage.byte}`, damage);
  }

  get damage(): readonly Damage[] {
    return [...this.#damage.values()];
  }

  status(): LogStatus {
    const active = this.#segment?.header.preparedSize;
    return {
      id: this.id,
      epoch: this.epoch,
      start: this.#closed.start,
      end: this.end,
      segments: this.#closed.count + (active === undefined ? 0 : 1),
      bytes: this.#closed.bytes + (active ?? 0),
      damage: this.damage,
      missing: this.missing.ranges,
    };
  }

  /** Removes old segments below `neededFrom` and below every registered projection's checkpoint. See retention.ts. */
  async applyRetention(limits: RetentionLimits, neededFrom: number): Promise<readonly number[]> {
    let needed = neededFrom;
    for (const registration of await readRegistrations(this.directory)) {
      needed = Math.min(needed, registration.offset);
    }
    const known = {
      has: (file: string) => this.damage.some((damage) => damage.file === file),
      report: (damage: Damage) => this.reportDamage(damage),
      missing: this.missing,
    };
    const removed = await removeOldSegments(this.directory, { limits, neededFrom: needed, now: Date.now(), known });
    if (removed.length > 0) await this.#closed.recount();
    return removed;
  }

  /** Refuses new appends, writes the queue, and seals. Keeps the lock, so that a last snapshot can be written. */
  drain(): Promise<void> {
    this.#draining ??= this.#commit.close();
    return this.#draining;
  }

  /** Drains and releases the lock. Later calls wait for the first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.drain();
    await this.#closed.settled();
    try {
      await this.#supply.close();
    } catch (error) {
      this.#onWarning(`cannot remove the prepared segment: ${describeError(error)}`);
    }
    await this.#lock.release();
  }

  #moveEnd(end: number): void {
    Atomics.store(this.#sharedEnd, 0, BigInt(end));
  }

  async #activate(size: number, closing: SegmentWriter | undefined, offset: number): Promise<SegmentWriter> {
    const previous =
      closing === undefined
        ? this.#previous
        : { baseOffset: closing.header.baseOffset, endByte: closing.byte, endOffset: closing.offset };
    const segment = await activateSegment(this.directory, {
      logId: this.id,
      epoch: this.epoch,
      nonce: this.nonce,
      baseOffset: offset,
      preparedSize: size,
      created: Date.now(),
      previous,
    });
    const isFirst = this.#segment === undefined;
    this.#segment = segment;
    this.#moveEnd(offset);
    if (closing !== undefined) this.#closed.add(closing);
    if (isFirst) this.#closed.tidy(this.recovery);
    return segment;
  }
}

/** Returns sixteen of a–z and 0–9: 82 bits. */
function newLogId(): string {
  return Array.from({ length: 16 }, () => "abcdefghijklmnopqrstuvwxyz0123456789"[randomInt(36)]).join("");
}
