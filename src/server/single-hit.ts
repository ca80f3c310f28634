import type { HitsError } from "../errors.js";
import { encodeHit } from "../hit/encoding.js";
import type { Hit } from "../model/hit.js";
import type { Recorded } from "../model/services.js";
import type { Totals } from "../projection/totals.js";
import type { RecordGroup } from "../wal/group-commit.js";
import type { Admission } from "./admission.js";
import type { PendingKey } from "./pending-keys.js";
import type { PendingName } from "./pending-names.js";

/** One admitted hit on its way through the log. Counted before it is answered. */
export class SingleHit implements RecordGroup {
  readonly bytes: Buffer;
  readonly count = 1;
  readonly #admission: Admission;
  readonly #n: number;
  readonly #at: number | undefined;
  readonly #index: number;
  readonly #name: PendingName | undefined;
  readonly #key: PendingKey | undefined;
  readonly #resolve: (recorded: Recorded) => void;
  readonly #reject: (error: unknown) => void;

  /** Takes over the reservations. `index`: the counter's index in the totals; -1, with its reserved name, for a new one. */
  constructor(
    admission: Admission,
    hit: Hit,
    counter: { readonly index: number; readonly name: PendingName | undefined; readonly key: PendingKey | undefined },
    resolve: (recorded: Recorded) => void,
    reject: (error: unknown) => void,
  ) {
    this.bytes = encodeHit(hit);
    this.#admission = admission;
    this.#n = hit.n;
    this.#at = hit.at;
    this.#index = counter.index;
    this.#name = counter.name;
    this.#key = counter.key;
    this.#resolve = resolve;
    this.#reject = reject;
    admission.arriving += hit.n;
  }

  durable(offset: number, time: number): void {
    const { local, names, keys } = this.#admission;
    const { totals } = local;
    this.#admission.noteDurable(1, this.#n);
    if (totals === undefined) {
      this.#resolve({ offset, count: null, replayed: false });
      return;
    }
    const index = this.#name === undefined ? this.#index : (names?.settle(this.#name) ?? -1);
    // Includes what other logs have counted, as every other answer does.
    const count = totals.add(index, this.#n) + totals.remote(index);
    if (this.#key !== undefined) keys.settle(this.#key, offset, count, time);
    if (local.folds.isEmpty) this.#fold(totals, index, offset, time);
    else local.folds.inOrder(() => this.#fold(totals, index, offset, time));
    this.#resolve({ offset, count, replayed: false });
  }

  #fold(totals: Totals, index: number, offset: number, time: number): void {
    totals.series.noteTime(time);
    totals.series.add(index, this.#n, this.#at ?? time);
    this.#admission.local.advance(offset + 1, 1);
  }

  failed(error: HitsError): void {
    this.drop(error);
  }

  /** Gives the reservations back, and rejects. */
  drop(error: unknown): void {
    this.#admission.arriving -= this.#n;
    if (this.#name !== undefined) this.#admission.names?.release(this.#name);
    if (this.#key !== undefined) this.#admission.keys.drop(this.#key, error);
    this.#reject(error);
  }
}
