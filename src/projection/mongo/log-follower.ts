import { HitsError } from "../../errors.js";
import { foldHits } from "../../hit/record.js";
import { type Damage, describeDamage } from "../../wal/damage.js";
import type { LogReader } from "../../wal/log-reader.js";
import type { MissingRange } from "../../wal/missing-ranges.js";
import type { LogBatch } from "../../wal/segment-reader.js";
import type { CounterDays } from "./counter-days.js";
import type { Counters } from "./counters.js";
import type { Checkpoint } from "./store.js";

/** A look whether the log has been repaired, once in so long. */
const LOOK_FOR_REPAIR_MS = 1000;

export interface FollowerOptions {
  readonly reader: LogReader;
  readonly counters: Counters;
  readonly days: CounterDays;
  /** Totals were restored up to here: below it, hits are looked at only for whether the checkpoint covers them. */
  readonly start: Checkpoint;
  /** Below it, the database has confirmed everything. */
  readonly covered: number;
}

/**
 * Folds the log into the slots, batch by batch, whatever the database does. It stops in front of damage: what lies behind is
 * not projected until the log has been repaired, and until a database that may know more of it has been asked.
 */
export class LogFollower {
  readonly #reader: LogReader;
  readonly #counters: Counters;
  readonly #days: CounterDays;
  /** Totals were restored up to here: below it, hits are looked at only for whether the checkpoint covers them. */
  readonly #restored: number;
  /** Below it, the database has confirmed everything. */
  readonly #covered: number;
  #position: Checkpoint;
  #damage: Damage | undefined;
  #lookAt = 0;
  #ends = 0;

  constructor({ reader, counters, days, start, covered }: FollowerOptions) {
    this.#reader = reader;
    this.#counters = counters;
    this.#days = days;
    this.#restored = start.offset;
    this.#covered = covered;
    this.#position = start;
  }

  /** The first offset that is not folded, and the epoch that it was reached in. */
  get position(): Checkpoint {
    return this.#position;
  }

  get damage(): Damage | undefined {
    return this.#damage;
  }

  /** How often the end of the log was reached. */
  get ends(): number {
    return this.#ends;
  }

  /**
   * Folds the next batch. False: there is none for now, or damage. Throws `OFFSET_GONE`, `UNKNOWN_RECORD_TYPE`;
   * `LOG_REPAIRED` where it stood in front of damage and a repair, by another process, has been at work: begin anew.
   */
  async step(): Promise<boolean> {
    if (this.#damage !== undefined) {
      await this.#lookForRepair(this.#damage);
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
    if (batch.missing !== undefined && this.#standsBefore(batch, batch.missing)) return batch.missing.settled;
    if (batch.count === 0) return true;
    const counters = this.#counters;
    const days = this.#days;
    const { endOffset } = batch;
    if (batch.baseOffset < this.#restored && endOffset > this.#restored) {
      throw new HitsError("INVALID_RECORD", `a snapshot at offset ${this.#restored} lies within a batch`);
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

  /** Whether that is all there is to a batch: it is of a range that may not be passed yet, or it is the range itself. */
  #standsBefore(batch: LogBatch, missing: MissingRange): boolean {
    if (!missing.settled) {
      const todo = "MongoDB has not been asked what it knows of it: run wal repair --yes with MONGODB_URL";
      this.#damage = { ...missing, expected: "a repair that is complete", found: `one that is not, since ${todo}` };
      return true;
    }
    if (batch.count > 0) return false;
    const { endOffset, epoch, nonce } = batch;
    if (endOffset > Math.max(this.#restored, this.#position.offset)) {
      this.#position = { offset: endOffset, epoch, nonce };
    }
    return true;
  }

  async #lookForRepair(damage: Damage): Promise<void> {
    if (performance.now() < this.#lookAt) return;
    this.#lookAt = performance.now() + LOOK_FOR_REPAIR_MS;
    if (!(await this.#reader.isOutdated())) return;
    throw new HitsError("LOG_REPAIRED", `the log was repaired, it had stopped in front of ${describeDamage(damage)}`);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
