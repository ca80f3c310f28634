import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { HitsError } from "../../errors.js";
import type { Client, RateLimit } from "../../model/access.js";

/** What a client may still send in its window of time. */
export interface Allowance {
  /** Throws `RATE_LIMITED` if so many hits are more than is left. */
  check(hits: number): void;
  /** Takes so many hits off it. Rejects with `RATE_LIMITED`. */
  take(hits: number): Promise<void>;
  /** Takes so many hits off it, or all that is left: for what was refused and has cost as much as hits. */
  spend(hits: number): Promise<void>;
}

/** The hits of each client in fixed windows, in memory: some 60 MB at most for any number of clients. */
export class ClientLimiter {
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiterMemory;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#limiter = new RateLimiterMemory({ points: limit.hits, duration: limit.seconds });
  }

  /** Resolves to a client's allowance. Rejects with `RATE_LIMITED` if it is used up. */
  async allowance(client: Client): Promise<Allowance> {
    const used = await this.#limiter.get(client.key);
    const left = used === null ? this.#limit.hits : used.remainingPoints;
    if (left <= 0) throw this.#usedUp(used?.msBeforeNext ?? 0);
    return {
      check: (hits) => {
        if (hits > this.#limit.hits) throw this.#tooMany(hits);
        if (hits > left) throw this.#usedUp(used?.msBeforeNext ?? 0);
      },
      take: (hits) => this.consume(client, hits),
      spend: (hits) => this.consume(client, Math.min(hits, this.#limit.hits)).catch(() => undefined),
    };
  }

  /** Takes so many hits off a client's allowance. Rejects with `RATE_LIMITED`. */
  async consume({ key }: Client, hits: number): Promise<void> {
    if (hits > this.#limit.hits) throw this.#tooMany(hits);
    try {
      await this.#limiter.consume(key, hits);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw this.#usedUp(refused.msBeforeNext);
    }
  }

  #tooMany(hits: number): HitsError {
    return this.#error(`a request that counts as ${hits} hits, by n, lines or KiB`, this.#limit.seconds);
  }

  #usedUp(msBeforeNext: number): HitsError {
    return this.#error("too many hits from this address", Math.max(1, Math.ceil(msBeforeNext / 1000)));
  }

  #error(what: string, retryAfter: number): HitsError {
    const { hits, seconds } = this.#limit;
    return new HitsError("RATE_LIMITED", `${what}: the limit for each client is ${hits} hits in ${seconds} s`, {
      retryAfter,
    });
  }
}
