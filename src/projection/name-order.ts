import sortedBTree from "sorted-btree";

// A CommonJS module: its default export is a member of what Node imports as default.
const { default: BTree } = sortedBTree;

/** Number of names put in order before the clock is checked again. */
const STEP = 256;

/**
 * Names in the order of their UTF-16 code units (as JavaScript sorts), for lists by page. Ordering a million names at the
 * start would take a second, so they wait here and are ordered a few at a time, or all at once for the first list.
 */
export class NameOrder {
  readonly #ordered = new BTree<string, undefined>(undefined, compare);
  #waiting: string[] = [];

  /** Adds a name that was not added before. */
  add(name: string): void {
    this.#waiting.push(name);
  }

  /** Orders waiting names for about so many milliseconds. Returns whether some still wait. */
  orderSome(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    while (this.#waiting.length > 0) {
      for (const name of this.#waiting.splice(-STEP)) this.#ordered.set(name, undefined);
      if (performance.now() >= until) break;
    }
    return this.#waiting.length > 0;
  }

  /** Returns up to `limit` names with this prefix, after `after`. */
  page(prefix: string, after: string | undefined, limit: number): string[] {
    this.orderSome(Number.POSITIVE_INFINITY);
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
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
