import { HitsError } from "../errors.js";
import { type Hit, isKeyed, type KeyedHit } from "../model/hit.js";
import { type FirstAnswer, type HitKey, type IdempotencyKeys, keyOf } from "../projection/idempotency-keys.js";

/** The first answer to a key. */
export type Answer = Pick<FirstAnswer, "offset" | "count">;

/** The keys of a group of hits that is being written. */
export interface GroupKeys {
  /** The hit at this index of the group is durable: from now on its key has this answer. */
  settle(index: number, offset: number, count: number, time: number): void;
  /** The group was not written, or it is unknown whether it was. */
  drop(error: unknown): void;
}

interface Arriving {
  readonly fingerprint: number;
  /** Retries that wait for the same hit. */
  readonly waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[];
}

/**
 * Recognises retries: by the keys of durable hits, and by those of hits that are being written now, which a retry joins.
 * Holds within one log: another collector knows nothing of these keys.
 */
export class ArrivingKeys {
  readonly #keys: IdempotencyKeys;
  readonly #maxKeys: number;
  readonly #arriving = new Map<string, Arriving>();

  constructor(keys: IdempotencyKeys, maxKeys: number) {
    this.#keys = keys;
    this.#maxKeys = maxKeys;
  }

  /** Why a hit can't be taken by its key: `IDEMPOTENCY_MISMATCH`, `TOO_MANY_KEYS`. `more`: keys of the same request. */
  refuse(hit: KeyedHit, more: number): HitsError | undefined {
    const { digest, fingerprint } = keyOf(hit);
    const known = this.#keys.find(digest) ?? this.#arriving.get(digest);
    if (known !== undefined) return known.fingerprint === fingerprint ? undefined : this.mismatch(hit);
    this.#keys.expire(Date.now());
    if (this.#keys.size + this.#arriving.size + more < this.#maxKeys) return undefined;
    return new HitsError(
      "TOO_MANY_KEYS",
      `${this.#maxKeys} keys are remembered (MAX_IDEMPOTENCY_KEYS), and none is forgotten early. Not counted; try again later, ` +
        "or without a key",
    );
  }

  /** Whether the key is known, of a durable hit or one that is being written. */
  has(hit: KeyedHit): boolean {
    const { digest } = keyOf(hit);
    return this.#arriving.has(digest) || this.#keys.find(digest) !== undefined;
  }

  mismatch(hit: KeyedHit): HitsError {
    return new HitsError(
      "IDEMPOTENCY_MISMATCH",
      `the key ${JSON.stringify(hit.id)} was used on this counter for another hit: give each hit a key of its own`,
    );
  }

  /** The first answer to this key, now or once it is known; undefined for a new key. */
  answer(hit: KeyedHit): Promise<Answer> | undefined {
    const { digest } = keyOf(hit);
    const known = this.#keys.find(digest);
    if (known !== undefined) return Promise.resolve(known);
    const arriving = this.#arriving.get(digest);
    if (arriving === undefined) return undefined;
    return new Promise((resolve, reject) => arriving.waiting.push({ resolve, reject }));
  }

  /** Notes the keys of hits that are being written. */
  announce(hits: readonly Hit[]): GroupKeys {
    const keys: (HitKey | undefined)[] = hits.map((hit) => (isKeyed(hit) ? keyOf(hit) : undefined));
    for (const key of keys) {
      if (key !== undefined) this.#arriving.set(key.digest, { fingerprint: key.fingerprint, waiting: [] });
    }
    return {
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

  #take(key: HitKey): Arriving["waiting"] {
    const waiting = this.#arriving.get(key.digest)?.waiting ?? [];
    this.#arriving.delete(key.digest);
    return waiting;
  }
}
