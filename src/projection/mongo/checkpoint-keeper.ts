import type { Epochs } from "./epochs.js";
import type { Checkpoint, CounterStore } from "./store.js";

/** What a look at the checkpoint in the database amounts to. */
export type Inspection =
  /** As it should be. */
  | { readonly state: "fine"; readonly checkpoint: Checkpoint | undefined }
  /** Missing or older than it was: the database was put back or dropped. All that is known of documents is void. */
  | { readonly state: "gone back"; readonly checkpoint: Checkpoint | undefined }
  /** Of another log: an old copy of this one, or its twin, has been at work. */
  | { readonly state: "foreign"; readonly reason: string };

/** A server's driver tells of a change within less: what was confirmed before is what the copy that was put back may lack. */
const CHANGE_SEEN_WITHIN_MS = 10_000;

/**
 * Keeps this log's checkpoint in the database: looks at it, claims an epoch before anything of it is written, and moves it
 * behind the data. Every write is a compare-and-set on all that was seen.
 */
export class CheckpointKeeper {
  readonly #store: CounterStore;
  readonly #epochs: Epochs;
  /** The last that is known to have been in the database. */
  #last: Checkpoint | undefined;
  /** A checkpoint further than this projector, and how often it had been at the log's end then. */
  #ahead: { readonly offset: number; readonly ends: number } | undefined;
  /** As it was seen last, for the next compare-and-set. */
  #seen: Checkpoint | undefined;
  /** The checkpoint's offset as looks found it, at least `CHANGE_SEEN_WITHIN_MS` ago, and since. */
  #before: number;
  #recent: number;
  #recentAt = 0;

  constructor(store: CounterStore, epochs: Epochs, registered: Checkpoint | undefined) {
    this.#store = store;
    this.#epochs = epochs;
    this.#last = registered;
    this.#before = this.#recent = registered?.offset ?? 0;
  }

  /** The offset up to which everything is known to be applied: by the database, or before it answered by the directory. */
  get offset(): number {
    return this.#seen?.offset ?? this.#last?.offset ?? 0;
  }

  /**
   * Below it, nothing can have been lost by a change that the driver tells of now. Not the checkpoint: where a copy was put
   * back between an update and the checkpoint behind it, that checkpoint matched the copy's and went ahead of its documents.
   */
  get certain(): number {
    return Math.min(this.#before, this.#seen?.offset ?? 0);
  }

  /** `fold`: where this projector is, and how often it has been at the log's end. */
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
    return { state: back ? "gone back" : "fine", checkpoint };
  }

  /** Whether the epoch of this position, or a later one by another projector of this log, has been claimed. */
  hasClaimed(position: Checkpoint): boolean {
    return this.#seen !== undefined && this.#seen.epoch >= position.epoch;
  }

  /** Claims the epoch of this position, where it has not been. False: the checkpoint has changed; look again. */
  async claim(position: Checkpoint): Promise<boolean> {
    return this.hasClaimed(position) || (await this.#write({ ...position, offset: this.#seen?.offset ?? 0 }));
  }

  /** Moves the checkpoint; never back. False: it has changed; look again. */
  async advance(position: Checkpoint): Promise<boolean> {
    const seen = this.#seen;
    if (seen !== undefined && seen.offset >= position.offset) return true;
    // The epoch of another projector that is further stays.
    const next = seen !== undefined && seen.epoch > position.epoch ? { ...seen, offset: position.offset } : position;
    return await this.#write(next);
  }

  #note(offset: number, back: boolean): void {
    const now = performance.now();
    if (now < this.#recentAt + CHANGE_SEEN_WITHIN_MS && !back) return;
    // A copy that has been put back once may be put back again: what lies above it is not certain for a while.
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
      "identity of its own: wal fork";
    if (!this.#epochs.has(checkpoint)) return `${where}: this log never had that nonce. ${todo}`;
    if (this.#epochs.isPastEnd(checkpoint)) return `${where}: in this log that epoch ended before. ${todo}`;
    if (this.#epochs.hasEnded(epoch) || offset <= follower.position.offset) {
      this.#ahead = undefined;
      return undefined;
    }
    // Another projector of this log may be further than this one: not further than the log, once this one has been there.
    this.#ahead ??= { offset, ends: follower.ends };
    if (offset > this.#ahead.offset) this.#ahead = { offset, ends: follower.ends };
    // The end that was being reached while the checkpoint was read doesn't count.
    return follower.ends > this.#ahead.ends + 1
      ? `${where}: this log ends at ${follower.position.offset}. ${todo}`
      : undefined;
  }
}
