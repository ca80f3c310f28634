import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { HitsError } from "../../errors.js";
import type { Client, RateLimit } from "../../model/access.js";

/** The hits of each client in fixed windows, in memory: some 60 MB at most, whoever comes. */
export class ClientLimiter {
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiterMemory;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#limiter = new RateLimiterMemory({ points: limit.hits, duration: limit.seconds });
  }

  /** Takes so many hits off a client's allowance. Rejects with `RATE_LIMITED`. */
  async consume({ key }: Client, hits: number): Promise<void> {
    const { hits: allowed, seconds } = this.#limit;
    const limit = `the limit for each client is ${allowed} hits in ${seconds} s`;
    if (hits > allowed) {
      throw new HitsError("RATE_LIMITED", `${hits} hits in one request: ${limit}`, { retryAfter: seconds });
    }
    try {
      await this.#limiter.consume(key, hits);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      throw new HitsError("RATE_LIMITED", `too many hits from this address: ${limit}`, { retryAfter });
    }
  }
}
