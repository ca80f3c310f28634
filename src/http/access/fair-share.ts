import sortedBTree from "sorted-btree";
import { CLIENT_BITS, type Client, isTrusted } from "../../model/access.js";

// A CommonJS module: its default export is a member of what Node imports as default.
const { default: BTree } = sortedBTree;

export interface ShareBounds {
  /** The most that all clients hold together. */
  readonly capacity: number;
  /** The part of it that operators and this machine get even while strangers hold all the rest. */
  readonly reserve: number;
}

/** The owner of a holding, which may lose it to others. */
export interface Holder {
  /** Gives up what the holding stands for. The holding is released after that. */
  evict(): void;
  /** True while little is lost by giving it up: such holdings go first, also to a client that holds no less. */
  isIdle?(): boolean;
}

/**
 * Something of which there is only so much, shared fairly (max-min) among clients. Nobody's share is fixed: a client may hold
 * all that is free. Once nothing is, room is made at the expense of the client that holds the most, if it holds more than the
 * one that asks: neither one client nor a thousand can keep others out. What is idle is given up to anybody, so that a client
 * can't keep itself out either.
 */
export class FairShare {
  readonly capacity: number;
  readonly #trusted: Group;
  readonly #strangers: Group;
  #evicted = 0;
  #refused = 0;

  constructor({ capacity, reserve }: ShareBounds) {
    this.capacity = capacity;
    this.#trusted = new Group(reserve);
    this.#strangers = new Group(capacity - reserve);
  }

  get held(): number {
    return this.#trusted.held + this.#strangers.held;
  }

  /** Holdings taken back to make room, since the start. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Times that a client got nothing more, since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** Takes a whole amount for a client. Returns undefined if there is no room, and nobody who should make some. */
  take(client: Client, amount: number, holder: Holder): Holding | undefined {
    const group = isTrusted(client) ? this.#trusted : this.#strangers;
    if (!this.#makeRoom(client, amount)) return undefined;
    const holding: Booking = { group, key: client.key, holder, amount: 0 };
    group.book(holding, amount);
    return {
      get amount() {
        return holding.amount;
      },
      resize: (wanted) => {
        if (holding.amount === 0) return false;
        const more = wanted - holding.amount;
        if (more > 0 && !this.#makeRoom(client, more)) return false;
        // It may have been evicted itself to make that room.
        if (holding.amount === 0) return false;
        group.book(holding, more);
        return true;
      },
      release: () => {
        if (holding.amount > 0) group.book(holding, -holding.amount);
      },
    };
  }

  #makeRoom(client: Client, amount: number): boolean {
    while (this.held + amount > this.capacity) {
      const loser = this.#loser(client, amount);
      if (loser === undefined) {
        this.#refused++;
        return false;
      }
      this.#evicted++;
      loser.holder.evict();
      if (loser.amount > 0) loser.group.book(loser, -loser.amount);
    }
    return true;
  }

  /** Returns the holding that must give way: one of the largest client's in the group that has more than its guarantee. */
  #loser(client: Client, amount: number): Booking | undefined {
    const [own, other] = isTrusted(client) ? [this.#trusted, this.#strangers] : [this.#strangers, this.#trusted];
    const isOthers = other.held > other.guaranteed;
    const largest = (isOthers ? other : own).largest();
    if (largest === undefined) return undefined;
    const idle = findIdle(largest);
    if (idle !== undefined) return idle;
    const [oldest] = largest.holdings;
    return isOthers || largest.held > own.heldBy(client.key) + amount ? oldest : undefined;
  }
}

/** What a client holds until it releases it or loses it. */
export interface Holding {
  /** 0 once it is released or lost. */
  readonly amount: number;
  /** Changes the amount, which must not be 0. Returns false if there is no room for more; nothing has changed then. */
  resize(amount: number): boolean;
  release(): void;
}

interface Booking {
  readonly group: Group;
  readonly key: number;
  readonly holder: Holder;
  amount: number;
}

/** All that one client holds. */
interface Share {
  held: number;
  /** In the order of taking, but for busy ones that `findIdle` has passed over. */
  readonly holdings: Set<Booking>;
}

/** The holdings looked at for an idle one: a client that holds thousands must not make that slow. */
const LOOKED_AT = 64;

/** Returns an idle holding of the oldest; undefined if all of those are busy, and others come first next time. */
function findIdle({ holdings }: Share): Booking | undefined {
  const busy: Booking[] = [];
  for (const holding of holdings) {
    if (holding.holder.isIdle === undefined) return undefined;
    if (holding.holder.isIdle()) return holding;
    busy.push(holding);
    if (busy.length === LOOKED_AT) break;
  }
  if (holdings.size === busy.length) return undefined;
  for (const holding of busy) {
    holdings.delete(holding);
    holdings.add(holding);
  }
  return undefined;
}

/** The trusted clients, or the strangers. */
class Group {
  /** What the group gets even if the other wants it. */
  readonly guaranteed: number;
  held = 0;
  readonly #shares = new Map<number, Share>();
  /** Keys of the clients by what they hold: as numbers of held and key. */
  readonly #bySize = new BTree<number, number>();

  constructor(guaranteed: number) {
    this.guaranteed = guaranteed;
  }

  heldBy(key: number): number {
    return this.#shares.get(key)?.held ?? 0;
  }

  largest(): Share | undefined {
    const rank = this.#bySize.maxKey();
    return rank === undefined ? undefined : this.#shares.get(rank % 2 ** CLIENT_BITS);
  }

  /** Adds to what a holding has, less than 0 to give it back. */
  book(holding: Booking, more: number): void {
    const share = this.#shares.get(holding.key) ?? { held: 0, holdings: new Set() };
    if (share.held > 0) this.#bySize.delete(share.held * 2 ** CLIENT_BITS + holding.key);
    holding.amount += more;
    share.held += more;
    this.held += more;
    if (holding.amount > 0) share.holdings.add(holding);
    else share.holdings.delete(holding);
    if (share.held === 0) this.#shares.delete(holding.key);
    else {
      this.#shares.set(holding.key, share);
      this.#bySize.set(share.held * 2 ** CLIENT_BITS + holding.key, holding.key);
    }
  }
}
