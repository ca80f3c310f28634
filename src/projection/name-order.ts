import { setImmediate as nextTurn } from "node:timers/promises";
import sortedBTree from "sorted-btree";

// A CommonJS module: its default export is a member of what Node imports as default.
const { default: BTree } = sortedBTree;

/** Number of names put in order before the clock is checked again. */
const STEP = 128;
/** For a list, names are put in order for this long in each turn of the event loop. */
const SLICE_MS = 4;

/**
 * Names in the order of their UTF-16 code units (as JavaScript sorts), for lists by page. Ordering a million names takes a
 * second, so they wait here and are ordered a few at a time, beside other requests also for the first list.
 */
export class NameOrder {
  readonly #ordered = new BTree<string, undefined>(undefined, compare);
  /** Names in the order they were added; those before `#next` are ordered. */
  #waiting: string[] = [];
  #next = 0;
  #slice: Promise<void> | undefined;

  /** Adds a name that was not added before. */
  add(name: string): void {
    this.#waiting.push(name);
  }

  /** Orders waiting names for about so many milliseconds. Returns whether some still wait. */
  orderSome(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    while (this.#next < this.#waiting.length) {
      const end = Math.min(this.#next + STEP, this.#waiting.length);
      for (; this.#next < end; this.#next++) this.#ordered.set(this.#waiting[this.#next] ?? "", undefined);
      if (performance.now() >= until) break;
    }
    // Half of them at a time: to move those that wait takes no longer than ordering the others did.
    if (this.#next * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    return this.#waiting.length > 0;
  }

  /** Resolves to up to `limit` names with this prefix, after `after`: those that were added before. */
  async page(prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    const size = this.#ordered.size + this.#waiting.length - this.#next;
    while (this.#ordered.size < size) await this.#orderSlice();
    const start = after !== undefined && after >= prefix ? after : undefined;
    const names: string[] = [];
    for (const [name] of this.#ordered.entries(start ?? prefix)) {
      if (!name.startsWith(prefix)) break;
      if (name === start) continue;
      names.push(name);
      if (names.length === limit) break;
    }
    return names;
  }

  /** Orders for a slice of time: one for all lists that wait. Resolves in the next turn of the event loop. */
  #orderSlice(): Promise<void> {
    if (this.#slice === undefined) {
      this.orderSome(SLICE_MS);
      this.#slice = nextTurn().then(() => {
        this.#slice = undefined;
      });
    }
    return this.#slice;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
