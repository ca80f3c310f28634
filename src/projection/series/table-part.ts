import { hashOf, indexOf, placeOf } from "./point-key.js";

const LEAST_SLOTS = 8;
/** The most slots of a part: copying or dividing one takes some 50 µs. */
const MOST_SLOTS = 4096;
/** The places of a counter are this many slots apart: further than most runs of used slots are long. */
const STRIDE = 167;
const COUNT_BYTES = 8;
const SLOT_BYTES = COUNT_BYTES + 4;

export type VisitPoint = (key: number, count: number) => void;

/**
 * A part of a table of points: counts by key, with open addressing. Its buffer has the counts of all slots, then their keys,
 * 0 for a free one.
 */
export class TablePart {
  /** The number of lower bits in which the hashes of its counters agree. */
  readonly depth: number;
  #counts: Float64Array<SharedArrayBuffer>;
  #keys: Uint32Array<SharedArrayBuffer>;
  #points = 0;
  #isShared = false;

  constructor(depth: number, slots = LEAST_SLOTS) {
    this.depth = depth;
    ({ counts: this.#counts, keys: this.#keys } = viewsOf(new SharedArrayBuffer(slots * SLOT_BYTES)));
  }

  get points(): number {
    return this.#points;
  }

  get bytes(): number {
    return this.#keys.buffer.byteLength;
  }

  /** All slots as they are now. Changes made later may or may not show. */
  get keys(): Uint32Array {
    return this.#keys;
  }

  /** It must be divided before more is added. */
  get isFull(): boolean {
    return this.#keys.length === MOST_SLOTS && this.#points * 4 > MOST_SLOTS * 3;
  }

  /** Returns the count of a key; undefined if there is no such point. `hash`: that of the key's counter. */
  get(hash: number, key: number): number | undefined {
    const at = this.#find(hash, key);
    return this.#keys[at] === key ? this.#counts[at] : undefined;
  }

  /** Adds to the count of a key. Returns whether that made a new point. */
  add(hash: number, key: number, n: number): boolean {
    const keys = this.#keys;
    const at = slotOf(hash, key) & (keys.length - 1);
    // Mostly found at once: every hit comes through here.
    if (keys[at] !== key || this.#isShared) return this.#addAnywhere(hash, key, n);
    this.#counts[at] = (this.#counts[at] as number) + n;
    return false;
  }

  /** Returns two parts with its points, by the next bit of their hashes: those that have 0 there, and those that have 1. */
  divide(): readonly [TablePart, TablePart] {
    const zero = new TablePart(this.depth + 1, MOST_SLOTS);
    const one = new TablePart(this.depth + 1, MOST_SLOTS);
    this.each((key, count) => {
      const hash = hashOf(indexOf(key));
      (((hash >>> this.depth) & 1) === 0 ? zero : one).add(hash, key, count);
    });
    return [zero, one];
  }

  each(visit: VisitPoint): void {
    eachPoint(this.#keys.buffer, visit);
  }

  /** Returns its buffer. It is not written to any more: the first change after this copies it. */
  image(): SharedArrayBuffer {
    this.#isShared = true;
    return this.#keys.buffer;
  }

  #addAnywhere(hash: number, key: number, n: number): boolean {
    if (this.#isShared) this.#copy();
    const keys = this.#keys;
    const at = this.#find(hash, key);
    this.#counts[at] = (this.#counts[at] ?? 0) + n;
    if (keys[at] === key) return false;
    keys[at] = key;
    if (++this.#points * 4 > keys.length * 3 && keys.length < MOST_SLOTS) this.#grow();
    return true;
  }

  /** Returns the key's slot, or the free slot for it. */
  #find(hash: number, key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = slotOf(hash, key) & mask;
    for (let there = keys[at]; there !== key && there !== 0; there = keys[at]) at = (at + 1) & mask;
    return at;
  }

  #copy(): void {
    const buffer = this.#keys.buffer.slice(0);
    ({ counts: this.#counts, keys: this.#keys } = viewsOf(buffer));
    this.#isShared = false;
  }

  #grow(): void {
    const larger = new TablePart(this.depth, this.#keys.length * 2);
    this.each((key, count) => larger.add(hashOf(indexOf(key)), key, count));
    this.#counts = larger.#counts;
    this.#keys = larger.#keys;
  }
}

/** Visits the points in the buffer of a part. */
export function eachPoint(buffer: SharedArrayBuffer, visit: VisitPoint): void {
  const { counts, keys } = viewsOf(buffer);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] ?? 0;
    if (key !== 0) visit(key, counts[at] ?? 0);
  }
}

function slotOf(hash: number, key: number): number {
  return (hash >>> 16) + placeOf(key) * STRIDE;
}

function viewsOf(buffer: SharedArrayBuffer) {
  const slots = buffer.byteLength / SLOT_BYTES;
  return { counts: new Float64Array(buffer, 0, slots), keys: new Uint32Array(buffer, slots * COUNT_BYTES, slots) };
}
