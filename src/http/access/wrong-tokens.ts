import type { Logger } from "../../model/services.js";

/** Wrong tokens of a client that are compared in a window; past that, none of its tokens is, not even the right one. */
export const MAX_WRONG_TOKENS = 10;
const WINDOW_MS = 60_000;

/**
 * The wrong tokens that clients have sent in the last minute, so that nobody finds the right one by trying. A token that is
 * merely sent again, as by a program with an old one, counts once. Bounded: all is forgotten with each new window.
 */
export class WrongTokens {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #clients = new Map<number, { tokens: number; last: number }>();
  #windowEnd = Number.NEGATIVE_INFINITY;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #unreported = 0;

  /** `now` returns milliseconds of a clock that only advances. */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Returns the seconds until the tokens of this client are compared again; 0 if they are now. */
  blockedFor(key: number): number {
    const now = this.#now();
    if (now >= this.#windowEnd) {
      this.#clients.clear();
      this.#windowEnd = now + WINDOW_MS;
    }
    const isBlocked = (this.#clients.get(key)?.tokens ?? 0) >= MAX_WRONG_TOKENS;
    return isBlocked ? Math.ceil((this.#windowEnd - now) / 1000) : 0;
  }

  /** Adds a wrong token of a client that is not blocked. */
  note(key: number, digest: Buffer): void {
    const last = digest.readUIntBE(0, 6);
    const client = this.#clients.get(key);
    if (client?.last !== last) this.#clients.set(key, { tokens: (client?.tokens ?? 0) + 1, last });
    this.#unreported++;
    const now = this.#now();
    if (now - this.#warnedAt < WINDOW_MS) return;
    this.#logger.warn({ requests: this.#unreported }, "requests with a wrong ADMIN_TOKEN, since the last such warning");
    this.#warnedAt = now;
    this.#unreported = 0;
  }
}
