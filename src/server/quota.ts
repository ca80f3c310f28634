import { CLIENT_BITS, type Client, isTrusted } from "../model/access.js";

/** What strangers together leave free: a tenth of the limit is for the operator and for programs on this machine. */
const FOR_STRANGERS = 0.9;
/** The part of everything that one stranger may take while all is free, and what it may take however little is free. */
const SHARE = 1 / 8;
const LEAST = 16;

/**
 * What each stranger has lately taken of something that is given for long, and of which there is a limit. What it has taken
 * is forgotten gradually: two thirds of it within the window. 2 MB of memory, from the first stranger on.
 */
export class Quota {
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #start: number;
  /** By client: what it had taken when it last took something, and when that was, in seconds since the start. */
  #taken: Float32Array<ArrayBuffer> | undefined;
  #takenAt: Uint32Array<ArrayBuffer> | undefined;

  constructor(windowMs: number, now = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#now = now;
    this.#start = now();
  }

  /** Returns what may be used in all by hits of this client, of a limit. */
  limitFor(client: Client, limit: number): number {
    return isTrusted(client) ? limit : Math.floor(FOR_STRANGERS * limit);
  }

  /**
   * Returns the seconds until a client may take more; 0 if it may now. `free`: what all strangers together may still take of
   * `limit`. The share falls with the fourth power of what is free: ten that take all they may leave three fifths free, a
   * thousand still leave a seventh.
   */
  wait(client: Client, free: number, limit: number): number {
    if (isTrusted(client)) return 0;
    const share = Math.max(LEAST, limit * SHARE * (Math.max(0, free) / limit) ** 4);
    const taken = this.#takenBy(client);
    return taken < share ? 0 : Math.max(1, Math.ceil((this.#windowMs / 1000) * Math.log(taken / share)));
  }

  /** Notes that a client takes so much; less than 0 gives back what came to nothing. */
  take(client: Client, amount: number): void {
    if (isTrusted(client)) return;
    this.#taken ??= new Float32Array(1 << CLIENT_BITS);
    this.#takenAt ??= new Uint32Array(1 << CLIENT_BITS);
    this.#taken[client.key] = Math.max(0, this.#takenBy(client) + amount);
    this.#takenAt[client.key] = this.#seconds();
  }

  #takenBy({ key }: Client): number {
    const taken = this.#taken?.[key] ?? 0;
    if (taken === 0) return 0;
    return taken * Math.exp(((this.#takenAt?.[key] ?? 0) - this.#seconds()) / (this.#windowMs / 1000));
  }

  #seconds(): number {
    return Math.floor((this.#now() - this.#start) / 1000);
  }
}
