import type { Epochs } from "./epochs.js";
import type { Checkpoint, CounterStore } from "./store.js";

/** The outcome of an inspection of the checkpoint in the database. */
export type Inspection =
  /** As expected. */
  | { readonly state: "current"; readonly checkpoint: Checkpoint | undefined }
  /** Missing or older than before: the database was put back or dropped. Nothing known of documents holds any more. */
  | { readonly state: "reverted"; readonly checkpoint: Checkpoint | undefined }
  /** Written by another log: an old copy of this one, or its twin. */
  | { readonly state: "foreign"; readonly reason: string };

/** The driver reports a change of the server within less: a copy that was put back may lack only what was confirmed since. */
const CHANGE_SEEN_WITHIN_MS = 10_000;

/**
 * This log's checkpoint in the database: inspected, claimed for an epoch before anything of that epoch is written, and moved
 * after the data. Every write is a compare-and-set on everything that was seen.
 */
export class CheckpointKeeper {
  readonly #store: CounterStore;
  readonly #epochs: Epochs;
  /** The last one known to have been in the database. */
  #last: Checkpoint | undefined;
  /** A checkpoint past this projector's position, and how often it had reached the log's end by then. */
  #ahead: { readonly offset: number; readonly ends: number } | undefined;
  /** As last seen, for the next compare-and-set. */
  #seen: Checkpoint | undefined;
  /** The checkpoint's offset as inspected at least `CHANGE_SEEN_WITHIN_MS` ago, and since. */
  #before: number;
  #recent: number;
  #recentAt = 0;

  constructor(store: CounterStore, epochs: Epochs, registered: Checkpoint | undefined) {
    this.#store = store;
    this.#epochs = epochs;
    this.#last = registered;
    this.#before = this.#recent = registered?.offset ?? 0;
  }

  /** The offset below which everything is applied, as the database has it, or the log directory before it has answered. */
  get offset(): number {
    return this.#seen?.offset ?? this.#last?.offset ?? 0;
  }

  /**
   * The offset below which a change that the driver reports now can't have lost anything. It is not the checkpoint: if a copy
   * was put back between an update and the checkpoint after it, that checkpoint matched the copy's and passed its documents.
   */
  get certain(): number {
    return Math.min(this.#before, this.#seen?.offset ?? 0);
  }

  /** Reads the checkpoint. `follower`: this projector's position, and how often it has reached the log's end. */
  async inspect(follower: { readonly position: Checkpoint; readonly ends: number }): Promise<Inspection> {
    const checkpoint = await this.#store.readCheckpoint();
    if (checkpoint !== undefined) {
      if (!this.#epochs.has(checkpoint)) await this.#epochs.refresh();
      const reason = this.#foreign(checkpoint, follower);
      if (reason !== undefined) return { state: "foreign", reason };
    }
    this.#seen = checkpoint;
    const last = this.#last;
    const back = last !== undefined && (checkpoint === undefined || checkpoint.offset < last.offset);
    this.#last = checkpoint;
    this.#note(checkpoint?.offset ?? 0, back);
    return { state: back ? "reverted" : "current", checkpoint };
  }

  /** Returns whether the epoch of this position has been claimed, or a later one by another projector of this log. */
  hasClaimed(position: Checkpoint): boolean {
    return this.#seen !== undefined && this.#seen.epoch >= position.epoch;
  }

  /** Claims the epoch of this position unless it is claimed. False: the checkpoint has changed; inspect it again. */
  async claim(position: Checkpoint): Promise<boolean> {
    return this.hasClaimed(position) || (await this.#write({ ...position, offset: this.#seen?.offset ?? 0 }));
  }

  /** Moves the checkpoint; never back. False: it has changed; inspect it again. */
  async advance(position: Checkpoint): Promise<boolean> {
    const seen = this.#seen;
    if (seen !== undefined && seen.offset >= position.offset) return true;
    // The later epoch of another projector stays.
    const next = seen !== undefined && seen.epoch > position.epoch ? { ...seen, offset: position.offset } : position;
    return await this.#write(next);
  }

  #note(offset: number, back: boolean): void {
    const now = performance.now();
    if (now < this.#recentAt + CHANGE_SEEN_WITHIN_MS && !back) return;
    // A copy that was put back once may be put back again: anything above it stays uncertain for a while.
    this.#before = back ? offset : this.#recent;
    this.#recent = offset;
    this.#recentAt = now;
  }

  async #write(next: Checkpoint): Promise<boolean> {
    const written = await this.#store.writeCheckpoint(this.#seen, next);
    if (written) {
      this.#seen = next;
      this.#last = next;
    }
    return written;
  }

  #foreign(
    checkpoint: Checkpoint,
    follower: { readonly position: Checkpoint; readonly ends: number },
  ): string | undefined {
    const { epoch, nonce, offset } = checkpoint;
    const where = `the checkpoint in MongoDB is at epoch ${epoch}, nonce ${nonce}, offset ${offset}`;
    const todo =
      "This directory is an old copy of the log, or another copy of it is in use. Stop the other one, or give this one an " +
      "identity of its own with wal fork";
    if (!this.#epochs.has(checkpoint)) return `${where}: this log never had that nonce. ${todo}`;
    if (this.#epochs.isPastEnd(checkpoint)) return `${where}: in this log that epoch ended before. ${todo}`;
    if (this.#epochs.hasEnded(epoch) || offset <= follower.position.offset) {
      this.#ahead = undefined;
      return undefined;
    }
    // Another projector of this log may be past this one, but not past the log's end, once this one has reached it.
    this.#ahead ??= { offset, ends: follower.ends };
    if (offset > this.#ahead.offset) this.#ahead = { offset, ends: follower.ends };
    // An end that was being reached while the checkpoint was read doesn't count.
    return follower.ends > this.#ahead.ends + 1
      ? `${where}: this log ends at ${follower.position.offset}. ${todo}`
      : undefined;
  }
}
