import type { Checkpoint } from "./store.js";

/** A checkpoint as the log directory records it. */
export interface RecordedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** All hits of the log below it. */
  readonly hits: number;
  /** Counters whose document nothing can be done with. */
  readonly blocked: readonly string[];
}

/**
 * Writes a checkpoint to the log directory, durably, so that retention may advance, and so that a claimed epoch is known as
 * this log's own even when its segments are gone.
 */
export type WriteCheckpoint = (recorded: RecordedCheckpoint) => Promise<void>;

const EVERY_MS = 1000;

/** The checkpoint as recorded in the log directory: it lags a little, to spare the disk. */
export class CheckpointRecorder {
  readonly #write: WriteCheckpoint;
  #offset: number;
  /** Hits below the offset. */
  #hits: number;
  #recordedAt = 0;

  constructor(write: WriteCheckpoint, registered: (Checkpoint & { readonly hits: number }) | undefined) {
    this.#write = write;
    this.#offset = registered?.offset ?? 0;
    this.#hits = registered?.hits ?? 0;
  }

  /** Records an epoch before it is claimed in the database: the claim must be known as this log's own. */
  async announce(epoch: Checkpoint, blocked: readonly string[]): Promise<void> {
    await this.#write({ checkpoint: { ...epoch, offset: this.#offset }, hits: this.#hits, blocked });
  }

  /** Records a checkpoint that the database has, if that is due, or `atOnce`. */
  async record(recorded: RecordedCheckpoint, atOnce: boolean): Promise<void> {
    const { checkpoint, hits } = recorded;
    const now = performance.now();
    if (checkpoint.offset <= this.#offset || (now < this.#recordedAt + EVERY_MS && !atOnce)) return;
    this.#recordedAt = now;
    await this.#write(recorded);
    this.#offset = checkpoint.offset;
    this.#hits = hits;
  }
}
