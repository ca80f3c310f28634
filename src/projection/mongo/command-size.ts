/**
 * The number of documents in one command. A command that fails may have been too large for a slow server to answer in time:
 * the next is a quarter of its size, so that commands get through in the end. Each success doubles the size again.
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

  /** Runs a command of at most `current` documents and adapts the size. If several fail at once, one counts. */
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
