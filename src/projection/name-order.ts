import sortedBTree from "sorted-btree";

// A CommonJS module: what it exports as default is a member of what Node imports as default.
const { default: BTree } = sortedBTree;

/** How many names are put in order before looking at the clock again. */
const STEP = 256;

/**
 * Names in the order of their UTF-16 code units (as JavaScript sorts), for lists by page. A million names read at start
 * would take a second to order, so they wait here and are ordered a little at a time, or at once when a list asks.
 */
export class NameOrder {
  readonly #ordered = new BTree<string, undefined>(undefined, compare);
  #waiting: string[] = [];

  /** A name that was not added before. */
  add(name: string): void {
    this.#waiting.push(name);
  }

  /** Orders waiting names for about so many milliseconds; whether some still wait. */
  orderSome(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    while (this.#waiting.length > 0) {
      for (const name of this.#waiting.splice(-STEP)) this.#ordered.set(name, undefined);
      if (performance.now() >= until) break;
    }
    return this.#waiting.length > 0;
  }

  /** Up to `limit` names with this prefix, behind `after`. */
  page(prefix: string, after: string | undefined, limit: number): string[] {
    this.orderSome(Number.POSITIVE_INFINITY);
    const behind = after !== undefined && after >= prefix ? after : undefined;
    const names: string[] = [];
    for (const [name] of this.#ordered.entries(behind ?? prefix)) {
      if (!name.startsWith(prefix)) break;
      if (name === behind) continue;
      names.push(name);
      if (names.length === limit) break;
    }
    return names;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
