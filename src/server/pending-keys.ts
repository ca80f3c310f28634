import { HitsError } from "../errors.js";
import { type Client, isTrusted } from "../model/access.js";
import type { KeyedHit } from "../model/hit.js";
import type { FirstAnswer, HitKey, IdempotencyKeys } from "../projection/idempotency-keys.js";
import { Quota } from "./quota.js";

/** The first answer to a key. */
export type Answer = Pick<FirstAnswer, "offset" | "count">;

/** The key of a hit that is admitted and not durable yet, or not settled. */
export interface PendingKey extends HitKey {
  /** The request that the hit is of, and who sent it. */
  readonly owner: object;
  readonly client: Client;
  /** Retries that wait for the hit. */
  waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] | undefined;
}

/**
 * Recognises retries: by the keys of durable hits, and by those of hits that are admitted and being written, which a retry
 * joins. Works within one log: another collector does not have these keys.
 */
export class PendingKeys {
  readonly #keys: IdempotencyKeys;
  readonly #maxKeys: number;
  readonly #quota: Quota;
  readonly #pending = new Map<string, PendingKey>();

  constructor(keys: IdempotencyKeys, maxKeys: number) {
    this.#keys = keys;
    this.#maxKeys = maxKeys;
    this.#quota = new Quota(keys.windowMs);
  }

  /**
   * Returns why a hit is refused by its key: `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`, or `RATE_LIMITED` if this client has
   * used its share; undefined if it isn't.
   */
  refuse(hit: KeyedHit, { digest, fingerprint }: HitKey, client: Client): HitsError | undefined {
    const known = this.#keys.find(digest) ?? this.#pending.get(digest);
    if (known !== undefined) return known.fingerprint === fingerprint ? undefined : mismatch(hit);
    this.#keys.expire(Date.now());
    const most = this.#quota.limitFor(client, this.#maxKeys);
    const free = most - this.#keys.size - this.#pending.size;
    if (free <= 0) {
      const reserved = isTrusted(client) ? "" : " (the last tenth is reserved for the operator)";
      return new HitsError(
        "TOO_MANY_KEYS",
        `all ${most} idempotency keys that MAX_IDEMPOTENCY_KEYS permits${reserved} are in use, and none is forgotten before ` +
          "its time. Not counted; try again later, or without a key",
      );
    }
    const retryAfter = this.#quota.wait(client, free, most);
    if (retryAfter === 0) return undefined;
    return new HitsError(
      "RATE_LIMITED",
      "new idempotency keys are shared among addresses, and this one has used its share for now; hits without a key count",
      { retryAfter },
    );
  }

  /** Returns true for the key of a durable hit. */
  isAnswered({ digest }: HitKey): boolean {
    return this.#keys.find(digest) !== undefined;
  }

  /** Resolves to the first answer to this key, now or once it is known; undefined for a new key. */
  firstAnswer(key: HitKey): Promise<Answer> | undefined {
    const pending = this.#pending.get(key.digest);
    if (pending !== undefined) return this.join(pending);
    const known = this.#keys.find(key.digest);
    return known === undefined ? undefined : Promise.resolve(known);
  }

  /** Returns the key if it is of a hit that is being written. */
  pending({ digest }: HitKey): PendingKey | undefined {
    return this.#pending.get(digest);
  }

  /** Resolves to the first answer once the hit is durable; rejects if it isn't written. */
  join(pending: PendingKey): Promise<Answer> {
    return new Promise((resolve, reject) => {
      pending.waiting ??= [];
      pending.waiting.push({ resolve, reject });
    });
  }

  /** Reserves a new key for a hit of this request. */
  reserve({ digest, fingerprint }: HitKey, owner: object, client: Client): PendingKey {
    const pending: PendingKey = { digest, fingerprint, owner, client, waiting: undefined };
    this.#quota.take(client, 1);
    this.#pending.set(digest, pending);
    return pending;
  }

  /** Records that the hit is durable: from now on its key has this answer. Called for each hit with a key: no options. */
  settle(pending: PendingKey, offset: number, count: number, time: number): void {
    this.#keys.add(pending, offset, count, time);
    this.#pending.delete(pending.digest);
    for (const { resolve } of pending.waiting ?? []) resolve({ offset, count });
  }

  /** Forgets the key: the hit was not written, or it is unknown whether it was. */
  drop(pending: PendingKey, error: unknown): void {
    this.#pending.delete(pending.digest);
    this.#quota.take(pending.client, -1);
    for (const { reject } of pending.waiting ?? []) reject(error);
  }
}

function mismatch(hit: KeyedHit): HitsError {
  return new HitsError(
    "IDEMPOTENCY_MISMATCH",
    `the key ${JSON.stringify(hit.id)} was used on this counter for another hit: give each hit a key of its own`,
  );
}
