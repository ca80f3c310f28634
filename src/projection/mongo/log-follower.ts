import { HitsError } from "../../errors.js";
import { foldHits } from "../../hit/record.js";
import { type Damage, describeDamage } from "../../wal/damage.js";
import type { LogReader } from "../../wal/log-reader.js";
import type { MissingRange } from "../../wal/missing-ranges.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { CounterDays } from "./counter-days.js";
import type { Counters } from "./counters.js";
import type { Checkpoint } from "./store.js";

/** Time between checks for a repair of the log. */
const REPAIR_CHECK_MS = 1000;

export interface FollowerOptions {
  readonly reader: LogReader;
  readonly counters: Counters;
  readonly days: CounterDays;
  /** The end of the restored totals: hits below it are read only if the checkpoint does not cover them. */
  readonly start: Checkpoint;
  /** The offset below which the database has confirmed everything. */
  readonly covered: number;
}

/**
 * The projection's reader: folds the log, batch by batch, whatever the database does. It stops before damage: what comes
 * after is not projected until the log has been repaired, and a database that may know more of it has been asked.
 */
export class LogFollower {
  readonly #reader: LogReader;
  readonly #counters: Counters;
  readonly #days: CounterDays;
  readonly #restored: number;
  readonly #covered: number;
  #position: Checkpoint;
  #damage: Damage | undefined;
  #checkAt = 0;
  #ends = 0;

  constructor({ reader, counters, days, start, covered }: FollowerOptions) {
    this.#reader = reader;
    this.#counters = counters;
    this.#days = days;
    this.#restored = start.offset;
    this.#covered = covered;
    this.#position = start;
  }

  /** The first offset that is not folded, and the epoch of the one before it. */
  get position(): Checkpoint {
    return this.#position;
  }

  get damage(): Damage | undefined {
    return this.#damage;
  }

  /** Number of times that the end of the log was reached. */
  get ends(): number {
    return this.#ends;
  }

  /**
   * Folds the next batch. False: there is none yet, or damage. Throws `OFFSET_GONE`, `UNKNOWN_RECORD_TYPE`, and
   * `LOG_REPAIRED` if another process has repaired the log after this stopped before damage: restart.
   */
  async step(): Promise<boolean> {
    if (this.#damage !== undefined) {
      await this.#checkForRepair(this.#damage);
      return false;
    }
    const step = await this.#reader.next();
    if ("damage" in step) {
      this.#damage = step.damage;
      return false;
    }
    if ("end" in step) {
      this.#ends++;
      return false;
    }
    const { batch } = step;
    if (batch.missing !== undefined && this.#handleMissingRange(batch, batch.missing)) return batch.missing.settled;
    if (batch.count === 0) return true;
    const counters = this.#counters;
    const days = this.#days;
    const { endOffset } = batch;
    if (batch.baseOffset < this.#restored && endOffset > this.#restored) {
      throw new HitsError("INVALID_RECORD", `a snapshot at offset ${this.#restored} is within a batch`);
    }
    const resolve = (name: string) => counters.indexOf(name);
    const isCovered = endOffset <= this.#covered;
    if (endOffset > this.#restored) {
      days.series.noteTime(batch.time);
      foldHits(batch, resolve, (index, n, at) => {
        counters.add(index, n, endOffset, isCovered);
        days.series.add(index, n, at);
        if (!isCovered) days.touch(index, at, endOffset);
      });
      this.#position = { offset: endOffset, epoch: batch.epoch, nonce: batch.nonce };
    } else if (!isCovered) {
      foldHits(batch, resolve, (index, n, at) => {
        counters.documents.uncover(index, n, endOffset);
        days.touch(index, at, endOffset);
      });
    }
    return true;
  }

  /** Handles a batch of a missing range: stops before it, or passes it. False: the batch has restored records to fold. */
  #handleMissingRange(batch: LogBatch, missing: MissingRange): boolean {
    if (!missing.settled) {
      const todo = "MongoDB has not been asked what it has of it: run wal repair --yes with MONGODB_URL";
      this.#damage = { ...missing, expected: "a complete repair", found: `an incomplete one, since ${todo}` };
      return true;
    }
    if (batch.count > 0) return false;
    const { endOffset, epoch, nonce } = batch;
    if (endOffset > Math.max(this.#restored, this.#position.offset)) {
      this.#position = { offset: endOffset, epoch, nonce };
    }
    return true;
  }

  async #checkForRepair(damage: Damage): Promise<void> {
    if (performance.now() < this.#checkAt) return;
    this.#checkAt = performance.now() + REPAIR_CHECK_MS;
    if (!(await this.#reader.isOutdated())) return;
    throw new HitsError(
      "LOG_REPAIRED",
      `the log has been repaired; the projection had stopped before ${describeDamage(damage)}`,
    );
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
