import { HitsError } from "../errors.js";
import { BatchEncoder } from "../hit/encoding.js";
import type { Client } from "../model/access.js";
import { type Hit, isKeyed } from "../model/hit.js";
import type { HitGroup, RecordedAll } from "../model/services.js";
import { type HitKey, keyOf } from "../projection/idempotency-keys.js";
import type { Log } from "../wal/log.js";
import type { Admission } from "./admission.js";
import { GroupHits } from "./group-hits.js";
import type { Answer, PendingKey } from "./pending-keys.js";

/** Hits that are folded without a look at the clock: well under a millisecond. */
const MAX_AT_ONCE = 256;

/** The hits of one request, admitted and encoded one by one, over as many turns of the event loop as it takes. */
export class Group implements HitGroup {
  readonly #log: Log;
  readonly #admission: Admission;
  readonly #client: Client;
  readonly #hits: GroupHits;
  readonly #encoder = new BatchEncoder();
  /** Retries of hits that are being written by others. */
  readonly #joined: Promise<Answer>[] = [];
  #replayed = 0;
  #isOpen = true;

  constructor(log: Log, admission: Admission, client: Client) {
    this.#log = log;
    this.#client = client;
    this.#admission = admission;
    this.#hits = new GroupHits(admission);
  }

  get size(): number {
    return this.#hits.size + this.#replayed;
  }

  add(hit: Hit): HitsError | undefined {
    const key = isKeyed(hit) ? keyOf(hit) : undefined;
    const refused = this.#admission.refuse(hit, key, this.#client);
    if (refused !== undefined) return refused;
    if (key !== undefined && this.#isReplay(key)) {
      this.#replayed++;
      return undefined;
    }
    if (!this.#encoder.hasRoomFor(hit)) {
      return new HitsError("BODY_TOO_LARGE", "this hit does not fit in one batch with those before it");
    }
    const { counter, n, at } = hit;
    let number = this.#hits.numberOf(counter);
    if (number !== undefined) {
      const full = this.#refuseNumber(hit, this.#hits.countOf(number), this.#hits.sumOf(number));
      if (full !== undefined) return full;
    } else {
      const index = this.#admission.indexOf(counter);
      const full = this.#refuseNumber(hit, this.#admission.count(counter, index), 0);
      const refusal = full ?? (index === -1 ? this.#admission.names?.refuse(counter, this.#client) : undefined);
      if (refusal !== undefined) return refusal;
      const name = index === -1 ? this.#admission.names?.reserve(counter, this.#client) : undefined;
      number = this.#hits.addCounter(counter, index, name);
    }
    const pending = key === undefined ? undefined : this.#admission.keys.reserve(key, this, this.#client);
    this.#encoder.add(hit, number);
    this.#hits.add(number, n, at, pending);
    return undefined;
  }

  async commit(): Promise<RecordedAll> {
    this.#isOpen = false;
    // A snapshot waits until all is folded: much more must not be added meanwhile.
    const { settling } = this.#admission.local.folds;
    if (settling !== undefined && this.#hits.size > MAX_AT_ONCE) await settling;
    const writing = this.#hits.size === 0 ? undefined : this.#write();
    // A retry of a hit that is being written succeeds or fails with it.
    const [firstOffset] = await Promise.all([writing, ...this.#joined]);
    return {
      accepted: this.size,
      replayed: this.#replayed,
      firstOffset: firstOffset ?? null,
      lastOffset: firstOffset === undefined ? null : firstOffset + this.#hits.size - 1,
    };
  }

  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#hits.drop(
      new HitsError("QUEUE_FULL", "the request that had this id first was given up. Not counted; try again"),
    );
  }

  #refuseNumber(hit: Hit, count: number, own: number): HitsError | undefined {
    return this.#admission.refuseNumber(hit, count, own, this.#hits.total);
  }

  /** Returns true for the key of a hit that is durable or being written, by this request or another, which it then joins. */
  #isReplay(key: HitKey): boolean {
    const { keys } = this.#admission;
    const pending = keys.pending(key);
    if (pending === undefined) return keys.isAnswered(key);
    if (pending.owner !== this) this.#join(pending);
    return true;
  }

  #join(pending: PendingKey): void {
    const answer = this.#admission.keys.join(pending);
    // Looked at when this group is committed, if it is.
    answer.catch(() => undefined);
    this.#joined.push(answer);
  }

  /** Resolves to the first offset once all hits are durable and counted. */
  #write(): Promise<number> {
    const hits = this.#hits;
    return new Promise((resolve, reject) => {
      const failed = (error: unknown) => {
        hits.drop(error);
        reject(error);
      };
      const durable = (offset: number, time: number) => this.#count(offset, time, resolve);
      try {
        this.#log.append({ bytes: this.#encoder.bytes(), count: hits.size, durable, failed });
      } catch (error) {
        failed(error);
      }
    });
  }

  /** Counts the hits, which are durable now, at once; the rest of the projection follows in the order of the log. */
  #count(offset: number, time: number, counted: (offset: number) => void): void {
    const hits = this.#hits;
    const { local } = this.#admission;
    const { totals, folds } = local;
    if (totals === undefined) {
      this.#admission.noteDurable(hits.size, hits.total);
      counted(offset);
      return;
    }
    hits.addToCounts(totals);
    const step = () => {
      if (!hits.fold(totals, offset, time, MAX_AT_ONCE)) return false;
      local.advance(offset + hits.size, hits.size);
      counted(offset);
      return true;
    };
    if (!folds.isEmpty || hits.size > MAX_AT_ONCE) folds.push({ step });
    else while (!step());
  }
}
