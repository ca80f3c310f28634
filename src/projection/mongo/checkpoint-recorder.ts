import type { Checkpoint } from "./store.js";

/**
 * Makes the checkpoint known in the log directory, durably, so that retention may go on, and so that a claimed epoch is
 * known as this log's own even when its segments are gone. `hits`: all hits of the log below it.
 */
export type Register = (checkpoint: Checkpoint, hits: number, blocked: readonly string[]) => Promise<void>;

const EVERY_MS = 1000;

/** Keeps what the log directory has of the checkpoint: it lags a little, so that the disk is spared. */
export class CheckpointRecorder {
  readonly #register: Register;
  /** As the directory has it: offset and hits below it. */
  #offset: number;
  #hits: number;
  #at = 0;

  constructor(register: Register, registered: (Checkpoint & { readonly hits: number }) | undefined) {
    this.#register = register;
    this.#offset = registered?.offset ?? 0;
    this.#hits = registered?.hits ?? 0;
  }

  /** Before an epoch is claimed in the database: the claim must be known as this log's own. */
  async announce(epoch: Checkpoint, blocked: readonly string[]): Promise<void> {
    await this.#register({ ...epoch, offset: this.#offset }, this.#hits, blocked);
  }

  /** Notes a checkpoint that the database has, where that is due, or `atOnce`. */
  async note(checkpoint: Checkpoint, hits: number, blocked: readonly string[], atOnce: boolean): Promise<void> {
    const now = performance.now();
    if (checkpoint.offset <= this.#offset || (now < this.#at + EVERY_MS && !atOnce)) return;
    this.#at = now;
    await this.#register(checkpoint, hits, blocked);
    this.#offset = checkpoint.offset;
    this.#hits = hits;
  }
}
