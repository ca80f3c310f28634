import { HitsError } from "../errors.js";
import { type Hit, isKeyed, type KeyedHit } from "../model/hit.js";
import { type FirstAnswer, type HitKey, type IdempotencyKeys, keyOf } from "../projection/idempotency-keys.js";

/** The first answer to a key. */
export type Answer = Pick<FirstAnswer, "offset" | "count">;

/** The keys of a group of hits that is being written. */
export interface GroupKeys {
  /** Records that the hit at this index of the group is durable: from now on its key has this answer. */
  settle(index: number, offset: number, count: number, time: number): void;
  /** Forgets the keys: the group was not written, or it is unknown whether it was. */
  drop(error: unknown): void;
}

interface PendingKey {
  readonly fingerprint: number;
  /** Retries that wait for the same hit. */
  readonly waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[];
}

/**
 * Recognises retries: by the keys of durable hits, and by those of hits that are being written now, which a retry joins.
 * Works within one log: another collector does not have these keys.
 */
export class PendingKeys {
  readonly #keys: IdempotencyKeys;
  readonly #maxKeys: number;
  readonly #pending = new Map<string, PendingKey>();

  constructor(keys: IdempotencyKeys, maxKeys: number) {
    this.#keys = keys;
    this.#maxKeys = maxKeys;
  }

  /**
   * Returns why a hit is refused by its key: `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`; undefined if it isn't.
   * `scopeKeys`: new keys of the same request.
   */
  refuse(hit: KeyedHit, scopeKeys: number): HitsError | undefined {
    const { digest, fingerprint } = keyOf(hit);
    const known = this.#keys.find(digest) ?? this.#pending.get(digest);
    if (known !== undefined) return known.fingerprint === fingerprint ? undefined : this.mismatch(hit);
    this.#keys.expire(Date.now());
    if (this.#keys.size + this.#pending.size + scopeKeys < this.#maxKeys) return undefined;
    return new HitsError(
      "TOO_MANY_KEYS",
      `all ${this.#maxKeys} idempotency keys that MAX_IDEMPOTENCY_KEYS permits are in use, and none is forgotten before its ` +
        "time. Not counted; try again later, or without a key",
    );
  }

  /** Returns true for the key of a durable hit, or of one that is being written. */
  has(hit: KeyedHit): boolean {
    const { digest } = keyOf(hit);
    return this.#pending.has(digest) || this.#keys.find(digest) !== undefined;
  }

  mismatch(hit: KeyedHit): HitsError {
    return new HitsError(
      "IDEMPOTENCY_MISMATCH",
      `the key ${JSON.stringify(hit.id)} was used on this counter for another hit: give each hit a key of its own`,
    );
  }

  /** Resolves to the first answer to this key, now or once it is known; undefined for a new key. */
  firstAnswer(hit: KeyedHit): Promise<Answer> | undefined {
    const { digest } = keyOf(hit);
    const known = this.#keys.find(digest);
    if (known !== undefined) return Promise.resolve(known);
    const pending = this.#pending.get(digest);
    if (pending === undefined) return undefined;
    return new Promise((resolve, reject) => pending.waiting.push({ resolve, reject }));
  }

  /** Adds the keys of hits that are being written. */
  add(hits: readonly Hit[]): GroupKeys {
    const keys: (HitKey | undefined)[] = hits.map((hit) => (isKeyed(hit) ? keyOf(hit) : undefined));
    for (const key of keys) {
      if (key !== undefined) this.#pending.set(key.digest, { fingerprint: key.fingerprint, waiting: [] });
    }
    return {
      // Four parameters, not an object: called for every hit with a key.
      settle: (index, offset, count, time) => {
        const key = keys[index];
        if (key === undefined) return;
        this.#keys.add(key, offset, count, time);
        for (const { resolve } of this.#take(key)) resolve({ offset, count });
      },
      drop: (error) => {
        for (const key of keys) if (key !== undefined) for (const { reject } of this.#take(key)) reject(error);
      },
    };
  }

  #take(key: HitKey): PendingKey["waiting"] {
    const waiting = this.#pending.get(key.digest)?.waiting ?? [];
    this.#pending.delete(key.digest);
    return waiting;
  }
}
