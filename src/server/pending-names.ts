import type { Totals } from "../projection/totals.js";

/** The name of a counter that is new: a hit of it is being written, or durable and not in the totals yet. */
export interface PendingName {
  readonly name: string;
  /** The counter's index, once it is in the totals; until then -1. */
  index: number;
  /** Durable hits that are not in the totals yet. */
  count: number;
  /** Requests whose hits of it are not durable yet. */
  holders: number;
}

/** Names that are about to become counters: they are reserved as soon as a hit of them is admitted. */
export class PendingNames {
  readonly #totals: Totals;
  readonly #names = new Map<string, PendingName>();
  #bytes = 0;

  constructor(totals: Totals) {
    this.#totals = totals;
  }

  get size(): number {
    return this.#names.size;
  }

  /** The bytes of all of them together, as UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  find(name: string): PendingName | undefined {
    return this.#names.get(name);
  }

  /** Reserves a name that is not in the totals. */
  reserve(name: string): PendingName {
    let pending = this.#names.get(name);
    if (pending === undefined) {
      pending = { name, index: -1, count: 0, holders: 0 };
      this.#names.set(name, pending);
      this.#bytes += Buffer.byteLength(name);
    }
    pending.holders++;
    return pending;
  }

  /** Takes back one reservation. */
  release(pending: PendingName): void {
    pending.holders--;
    if (pending.holders === 0 && pending.count === 0 && pending.index === -1) this.#delete(pending.name);
  }

  /** Notes that a reserved hit is durable; its counter gets an index later. Returns the count before it. */
  addDurable(pending: PendingName, n: number): number {
    const before = pending.count;
    pending.count += n;
    return before;
  }

  /** Makes a counter of the name, with what is durable of it. Returns its index in the totals. */
  settle(pending: PendingName): number {
    if (pending.index !== -1) return pending.index;
    const index = this.#totals.indexOf(pending.name);
    if (pending.count > 0) this.#totals.add(index, pending.count);
    pending.index = index;
    pending.count = 0;
    this.#delete(pending.name);
    return index;
  }

  #delete(name: string): void {
    if (this.#names.delete(name)) this.#bytes -= Buffer.byteLength(name);
  }
}
