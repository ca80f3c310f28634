import { HitsError } from "../../errors.js";
import { foldHits } from "../../hit-record.js";
import type { Damage } from "../../wal/damage.js";
import type { LogReader } from "../../wal/log-reader.js";
import type { Slots } from "./slots.js";
import type { Checkpoint } from "./store.js";

/**
 * Folds the log into the slots, batch by batch, whatever the database does. It stops in front of damage: what lies behind is
 * not projected until the log has been repaired.
 */
export class LogFold {
  readonly #reader: LogReader;
  readonly #slots: Slots;
  /** Totals were restored up to here: below it, hits are looked at only for whether the checkpoint covers them. */
  readonly #restored: number;
  /** Below it, the database has confirmed everything. */
  readonly #covered: number;
  #position: Checkpoint;
  #damage: Damage | undefined;
  #ends = 0;

  constructor(reader: LogReader, slots: Slots, start: Checkpoint, covered: number) {
    this.#reader = reader;
    this.#slots = slots;
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

  /** Folds the next batch. False: there is none for now, or damage. Throws `OFFSET_GONE`, `UNKNOWN_RECORD_TYPE`. */
  async step(): Promise<boolean> {
    if (this.#damage !== undefined) return false;
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
    if (batch.count === 0) return true;
    const slots = this.#slots;
    const { endOffset } = batch;
    if (batch.baseOffset < this.#restored && endOffset > this.#restored) {
      throw new HitsError("INVALID_RECORD", `a snapshot at offset ${this.#restored} lies within a batch`);
    }
    const resolve = (name: string) => slots.indexOf(name);
    const isCovered = endOffset <= this.#covered;
    if (endOffset > this.#restored) {
      foldHits(batch, resolve, (index, n) => slots.add(index, n, endOffset, isCovered));
      this.#position = { offset: endOffset, epoch: batch.epoch, nonce: batch.nonce };
    } else if (!isCovered) {
      foldHits(batch, resolve, (index, n) => slots.uncover(index, n, endOffset));
    }
    return true;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
