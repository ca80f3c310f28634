/**
 * How much is asked of the database in one command. A command that fails may have been too much for a slow server to answer
 * before it is given up: then the next is a quarter, so that each such command gets through in the end. What succeeds
 * doubles it again.
 */
export class CommandSize {
  readonly #most: number;
  #now: number;

  constructor(most: number) {
    this.#most = most;
    this.#now = most;
  }

  get now(): number {
    return this.#now;
  }

  /** Does something of at most `now`, and takes note of how it went. Of several at once that fail, one counts. */
  async note<T>(work: (size: number) => Promise<T>): Promise<T> {
    const size = this.#now;
    try {
      const result = await work(size);
      if (size === this.#now) this.#now = Math.min(this.#most, size * 2);
      return result;
    } catch (error) {
      if (size === this.#now) this.#now = Math.max(1, Math.floor(size / 4));
      throw error;
    }
  }
}
