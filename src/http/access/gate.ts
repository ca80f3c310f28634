import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isbot } from "isbot";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { HitsError } from "../../errors.js";
import type { AccessPolicy, RateLimit } from "../../model/access.js";
import type { Admin } from "./admin.js";
import { clientAddress, networkOf } from "./client-address.js";
import { isOriginAllowed } from "./cors.js";

/**
 * Clients are distinguished by a hash of so many bits, which bounds the limiter's memory to some 60 MB in any case. Two
 * of a hundred clients share an allowance by chance once in fifty runs.
 */
const CLIENT_BITS = 18;

/** Decides whether a request may count, by everything but the hit itself: its origin, its rate, and bots. */
export class Gate {
  readonly #policy: AccessPolicy;
  readonly #admin: Admin;
  readonly #limiter: ClientLimiter | undefined;

  constructor(policy: AccessPolicy, admin: Admin) {
    this.#policy = policy;
    this.#admin = admin;
    this.#limiter = policy.rateLimit === undefined ? undefined : new ClientLimiter(policy.rateLimit);
  }

  /** Throws `ORIGIN_NOT_ALLOWED` for pages of other origins: browsers send plain text from them without asking first. */
  checkOrigin(req: IncomingMessage): void {
    if (req.headers.origin === undefined || isOriginAllowed(req, this.#policy)) return;
    throw new HitsError(
      "ORIGIN_NOT_ALLOWED",
      `pages of ${req.headers.origin.slice(0, 200)} may not send hits: the origin is not in CORS_ORIGINS`,
    );
  }

  /**
   * Takes so many hits off the client's allowance; rejects with `RATE_LIMITED`. Undefined, so that there is nothing to
   * wait for, if there is no limit or the request has `ADMIN_TOKEN`.
   */
  take(req: IncomingMessage, hits: number): Promise<void> | undefined {
    if (this.#limiter === undefined || this.#admin.isBearer(req)) return undefined;
    return this.#limiter.consume(clientAddress(req, this.#policy.trustProxy), hits);
  }

  /** Returns true if the request comes from a known bot, and bots are not counted. */
  isUncountedBot(req: IncomingMessage): boolean {
    return !this.#policy.countBots && isbot(req.headers["user-agent"]);
  }
}

/** The hits of each client address in fixed windows, in memory. */
class ClientLimiter {
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiterMemory;
  readonly #salt = randomBytes(16);

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#limiter = new RateLimiterMemory({ points: limit.hits, duration: limit.seconds });
  }

  async consume(address: string, hits: number): Promise<void> {
    const { hits: allowed, seconds } = this.#limit;
    const limit = `the limit for each client is ${allowed} hits in ${seconds} s`;
    if (hits > allowed) {
      throw new HitsError("RATE_LIMITED", `${hits} hits in one request: ${limit}`, { retryAfter: seconds });
    }
    try {
      await this.#limiter.consume(this.#keyOf(address), hits);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const retryAfter = Math.max(1, Math.ceil(refused.msBeforeNext / 1000));
      throw new HitsError("RATE_LIMITED", `too many hits from this address: ${limit}`, { retryAfter });
    }
  }

  #keyOf(address: string): string {
    const hash = createHash("sha256").update(this.#salt).update(networkOf(address)).digest();
    return String(hash.readUInt32LE(0) >>> (32 - CLIENT_BITS));
  }
}
