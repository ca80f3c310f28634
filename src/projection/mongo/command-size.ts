/**
 * How much is asked of the database in one command. A command that fails may have been too much for a slow server to answer
 * before it is given up: then the next is a quarter, so that each such command gets through in the end. What succeeds
 * doubles it again.
 */
export class CommandSize {
  readonly #largest: number;
  #current: number;

  constructor(largest: number) {
    this.#largest = largest;
    this.#current = largest;
  }

  get current(): number {
    return this.#current;
  }

  /** Does something of at most `current`, and takes note of how it went. Of several at once that fail, one counts. */
  async run<T>(work: (size: number) => Promise<T>): Promise<T> {
    const size = this.#current;
    try {
      const result = await work(size);
      if (size === this.#current) this.#current = Math.min(this.#largest, size * 2);
      return result;
    } catch (error) {
      if (size === this.#current) this.#current = Math.max(1, Math.floor(size / 4));
      throw error;
    }
  }
}
