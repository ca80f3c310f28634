import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIPv6 } from "node:net";
import proxyAddr from "proxy-addr";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { HitsError } from "../../errors.js";
import type { RateLimit } from "../../model/access.js";

/** Returns the client's address. `hops` proxies are trusted, from this server outwards: each names the one before it. */
export function clientAddress(req: IncomingMessage, hops: number): string {
  if (hops === 0) return req.socket.remoteAddress ?? "";
  return proxyAddr(req, (_, hop) => hop < hops);
}

/**
 * Returns the network by which clients are distinguished: an IPv4 address, or the first 64 bits of an IPv6 address, since
 * a client that has one such address has all 2^64 of them.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [left = "", right] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const zeros = right === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...tail];
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":");
}

/**
 * Clients are distinguished by a hash of so many bits, which bounds the limiter's memory to some 60 MB in any case. Two
 * of a hundred clients share an allowance by chance once in fifty runs.
 */
const CLIENT_BITS = 18;

/** The hits of each client address in fixed windows, in memory. */
export class ClientLimiter {
  readonly #limit: RateLimit;
  readonly #limiter: RateLimiterMemory;
  readonly #salt = randomBytes(16);

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#limiter = new RateLimiterMemory({ points: limit.hits, duration: limit.seconds });
  }

  /** Takes so many hits off an address's allowance. Rejects with `RATE_LIMITED`. */
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
