/** Endless capped exponential back-off with jitter. */
export class Backoff {
  readonly #firstMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(firstMs: number, random: () => number = Math.random) {
    this.#firstMs = firstMs;
    this.#random = random;
  }

  /** Returns the milliseconds to wait after one more failure: at most `capMs`, and at least half of the wait without jitter. */
  next(capMs: number): number {
    const full = Math.min(capMs, this.#firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return full * (0.5 + 0.5 * this.#random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
