import { HitsError } from "../errors.js";
import { type Client, isTrusted } from "../model/access.js";
import { maxNameBytes, NAME_BYTES, type Totals } from "../projection/totals.js";
import { Quota } from "./quota.js";

/** The name of a counter that is new: a hit of it is being written, or durable and not in the totals yet. */
export interface PendingName {
  readonly name: string;
  /** The counter's index, once it is in the totals; until then -1. */
  index: number;
  /** Durable hits that are not in the totals yet. */
  count: number;
  /** Requests whose hits of it are not durable yet. */
  holders: number;
  /** Who sent it first, at what cost. */
  readonly client: Client;
  readonly cost: number;
}

/** What a stranger has added is forgotten gradually: it may add as much again a day later. */
const WINDOW_MS = 24 * 3_600_000;

/** Names that are about to become counters: they are reserved as soon as a hit of them is admitted. */
export class PendingNames {
  readonly #totals: Totals;
  readonly #maxCounters: number;
  readonly #quota = new Quota(WINDOW_MS);
  readonly #names = new Map<string, PendingName>();
  #bytes = 0;

  constructor(totals: Totals, maxCounters: number) {
    this.#totals = totals;
    this.#maxCounters = maxCounters;
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

  /**
   * Returns why a name that is not in the totals can't be added: `TOO_MANY_COUNTERS`, or `RATE_LIMITED` if this client has
   * added its share; undefined if it can.
   */
  refuse(name: string, client: Client): HitsError | undefined {
    if (this.#names.has(name)) return undefined;
    const most = this.#quota.limitFor(client, this.#maxCounters);
    const free = most - this.#totals.size - this.#names.size;
    const reserved = isTrusted(client) ? "" : ", the last tenth of which is reserved for the operator";
    if (free <= 0) {
      const message = `there are ${this.#totals.size} counters, and MAX_COUNTERS permits no new one${reserved}`;
      return new HitsError("TOO_MANY_COUNTERS", `${message}; hits of known counters still count`);
    }
    const mostBytes = this.#quota.limitFor(client, maxNameBytes(this.#maxCounters));
    const bytes = this.#totals.nameBytes + this.#bytes + Buffer.byteLength(name);
    if (bytes > mostBytes) {
      const message = `the names of all counters would be ${bytes} bytes long; MAX_COUNTERS permits ${mostBytes}${reserved}`;
      return new HitsError("TOO_MANY_COUNTERS", `${message}; hits of known counters still count`);
    }
    const retryAfter = this.#quota.wait(client, Math.min(free, (mostBytes - bytes) / NAME_BYTES), most);
    if (retryAfter === 0) return undefined;
    return new HitsError(
      "RATE_LIMITED",
      "new counters are shared among addresses, and this one has added its share for now; hits of known counters still count",
      { retryAfter },
    );
  }

  /** Reserves a name that is not in the totals, for a hit of this client. */
  reserve(name: string, client: Client): PendingName {
    let pending = this.#names.get(name);
    if (pending === undefined) {
      const bytes = Buffer.byteLength(name);
      pending = { name, index: -1, count: 0, holders: 0, client, cost: Math.max(1, bytes / NAME_BYTES) };
      this.#quota.take(client, pending.cost);
      this.#names.set(name, pending);
      this.#bytes += bytes;
    }
    pending.holders++;
    return pending;
  }

  /** Takes back one reservation. */
  release(pending: PendingName): void {
    pending.holders--;
    if (pending.holders > 0 || pending.count > 0 || pending.index !== -1) return;
    this.#delete(pending.name);
    this.#quota.take(pending.client, -pending.cost);
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
