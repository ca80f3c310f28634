/** 2^32 divided by the golden ratio: it spreads neighbouring keys over the whole table. */
const SPREAD = 0x9e3779b1;
const LEAST_BITS = 3;

/** A table at one moment. It may be shared with another thread: it is not written to any more. */
export interface DayTableImage {
  readonly points: number;
  /** 0 stands for a free place. */
  readonly keys: Uint32Array<SharedArrayBuffer>;
  readonly counts: Float64Array<SharedArrayBuffer>;
}

/**
 * Counts by key, a whole number from 1 to 2^32 - 1, in two typed arrays with open addressing: 16 to 32 bytes a point. An
 * image costs nothing; the first change after one copies the arrays.
 */
export class DayTable {
  #keys: Uint32Array<SharedArrayBuffer>;
  #counts: Float64Array<SharedArrayBuffer>;
  #shift: number;
  #points = 0;
  #isShared = false;

  /** Makes room for so many points. */
  constructor(points = 0) {
    const bits = Math.max(LEAST_BITS, Math.ceil(Math.log2(Math.max(1, points * 4) / 3)));
    this.#shift = 32 - bits;
    this.#keys = keysOf(2 ** bits);
    this.#counts = countsOf(2 ** bits);
  }

  get points(): number {
    return this.#points;
  }

  /** All places, 0 for a free one. Changes made during an iteration may or may not show. */
  get keys(): Uint32Array {
    return this.#keys;
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#counts.byteLength;
  }

  get(key: number): number {
    const at = this.#find(key);
    return this.#keys[at] === key ? (this.#counts[at] ?? 0) : 0;
  }

  /** Adds to the count of a key. Returns whether that made a new point. */
  add(key: number, n: number): boolean {
    if (this.#isShared) this.#copy();
    const keys = this.#keys;
    const counts = this.#counts;
    let at = Math.imul(key, SPREAD) >>> this.#shift;
    // Mostly found at once: every hit comes through here.
    if (keys[at] !== key) at = this.#find(key);
    counts[at] = (counts[at] as number) + n;
    if (keys[at] === key) return false;
    keys[at] = key;
    if (++this.#points * 4 > this.#keys.length * 3) this.#grow();
    return true;
  }

  image(): DayTableImage {
    this.#isShared = true;
    return { points: this.#points, keys: this.#keys, counts: this.#counts };
  }

  /** Returns a table with the same counts under other keys; counts whose keys become equal are added up. */
  map(keyOf: (key: number) => number): DayTable {
    // Points in the order of their places must not go into a table that grows meanwhile: they would crowd its start.
    const wide = new DayTable(this.#points);
    this.#each((key, count) => wide.add(keyOf(key), count));
    if (wide.points === this.#points) return wide;
    const fitting = new DayTable(wide.points);
    wide.#each((key, count) => fitting.add(key, count));
    return fitting;
  }

  #each(visit: (key: number, count: number) => void): void {
    const [keys, counts] = [this.#keys, this.#counts];
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] ?? 0;
      if (key !== 0) visit(key, counts[at] ?? 0);
    }
  }

  /** Returns the key's place, or the free place for it. */
  #find(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = Math.imul(key, SPREAD) >>> this.#shift;
    for (let there = keys[at]; there !== key && there !== 0; there = keys[at]) at = (at + 1) & mask;
    return at;
  }

  #copy(): void {
    const keys = keysOf(this.#keys.length);
    keys.set(this.#keys);
    const counts = countsOf(this.#counts.length);
    counts.set(this.#counts);
    this.#keys = keys;
    this.#counts = counts;
    this.#isShared = false;
  }

  #grow(): void {
    const [keys, counts] = [this.#keys, this.#counts];
    this.#keys = keysOf(keys.length * 2);
    this.#counts = countsOf(counts.length * 2);
    this.#shift--;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] ?? 0;
      if (key === 0) continue;
      const place = this.#find(key);
      this.#keys[place] = key;
      this.#counts[place] = counts[at] ?? 0;
    }
  }
}

function keysOf(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(length * 4));
}

function countsOf(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(length * 8));
}

/** Returns the points of a table without the free places between them. */
export function compacted({ points, keys, counts }: DayTableImage) {
  const used = { keys: new Uint32Array(points), counts: new Float64Array(points) };
  let to = 0;
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? 0;
    if (key === 0) continue;
    used.keys[to] = key;
    used.counts[to++] = counts[at] ?? 0;
  }
  return used;
}
