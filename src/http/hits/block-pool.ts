export const BLOCK_BYTES = 256 * 1024;
/** Blocks that are kept: 16 MiB. */
const MAX_KEPT = 64;

/** Blocks of memory that are used again: fresh ones would cost a collection of all garbage every few large bodies. */
export class BlockPool {
  readonly #kept: Buffer[] = [];

  /** Returns a block with anything in it. */
  take(): Buffer {
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Gives back a block that was taken; nothing may use it any more. */
  give(block: Buffer): void {
    if (this.#kept.length < MAX_KEPT) this.#kept.push(block);
  }
}
