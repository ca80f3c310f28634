import { doubled } from "../totals.js";
import type { SeenSlot, Slot } from "./document.js";

/** Offsets below 0 stand for a slot that is unknown, or was seen to be absent. */
const UNKNOWN = -1;
const ABSENT = -2;
const NO_DOCUMENT = -3;
const FIRST_ROWS = 1024;

/** This log's slots as last seen, a row for each document: 25 bytes in typed arrays. */
export class SlotRows {
  #lastHit = new Float64Array(FIRST_ROWS);
  #offset = new Float64Array(FIRST_ROWS);
  #count = new Float64Array(FIRST_ROWS);
  #isOwed = new Uint8Array(FIRST_ROWS);
  #size = 0;
  #owed = 0;

  get size(): number {
    return this.#size;
  }

  /** Number of rows that owe something, or may. */
  get owed(): number {
    return this.#owed;
  }

  /** Adds a row whose slot is unknown; its number. */
  add(lastHit: number): number {
    if (this.#size === this.#isOwed.length) this.#grow();
    const row = this.#size++;
    this.#lastHit[row] = lastHit;
    this.#offset[row] = UNKNOWN;
    this.#count[row] = 0;
    this.#isOwed[row] = 0;
    return row;
  }

  /** Removes a row that owes nothing; the last row takes its number. */
  remove(row: number): void {
    const last = --this.#size;
    this.#lastHit[row] = this.lastHit(last);
    this.#offset[row] = this.offset(last);
    this.#count[row] = this.count(last);
    this.#isOwed[row] = this.#isOwed[last] ?? 0;
    this.#isOwed[last] = 0;
    if (last === 0) this.clear();
  }

  /** Removes all rows, and gives back their memory. */
  clear(): void {
    this.#lastHit = new Float64Array(FIRST_ROWS);
    this.#offset = new Float64Array(FIRST_ROWS);
    this.#count = new Float64Array(FIRST_ROWS);
    this.#isOwed = new Uint8Array(FIRST_ROWS);
    this.#size = this.#owed = 0;
  }

  /** The end of the batch that the last hit was in; 0 for none since the start. */
  lastHit(row: number): number {
    return this.#lastHit[row] ?? 0;
  }

  setLastHit(row: number, endOffset: number): void {
    this.#lastHit[row] = endOffset;
  }

  /** The slot's count as last confirmed. It stays when the slot becomes unknown. */
  count(row: number): number {
    return this.#count[row] ?? 0;
  }

  setCount(row: number, count: number): void {
    this.#count[row] = count;
  }

  isOwed(row: number): boolean {
    return this.#isOwed[row] === 1;
  }

  setOwed(row: number, isOwed: boolean): void {
    if (this.isOwed(row) === isOwed) return;
    this.#isOwed[row] = isOwed ? 1 : 0;
    this.#owed += isOwed ? 1 : -1;
  }

  /** The rows that owe something, in ascending order. */
  owedRows(): number[] {
    const rows: number[] = [];
    for (let row = 0; rows.length < this.#owed; row++) if (this.isOwed(row)) rows.push(row);
    return rows;
  }

  isKnown(row: number): boolean {
    return this.#offset[row] !== UNKNOWN;
  }

  /** Makes the slot unknown: the document must be read before anything is sent for it. */
  forget(row: number): void {
    this.#offset[row] = UNKNOWN;
    this.setOwed(row, true);
  }

  /** The offset of the slot as last seen; below 0 if it is unknown, or was seen to be absent. */
  offset(row: number): number {
    return this.#offset[row] ?? UNKNOWN;
  }

  setOffset(row: number, offset: number): void {
    this.#offset[row] = offset;
  }

  /** The slot as last seen, which must be known. */
  seen(row: number): SeenSlot {
    const offset = this.offset(row);
    if (offset === ABSENT) return "absent";
    return offset === NO_DOCUMENT ? "no document" : { offset, count: this.count(row) };
  }

  #grow(): void {
    this.#lastHit = doubled(this.#lastHit);
    this.#offset = doubled(this.#offset);
    this.#count = doubled(this.#count);
    const isOwed = new Uint8Array(this.#isOwed.length * 2);
    isOwed.set(this.#isOwed);
    this.#isOwed = isOwed;
  }
}

/** A seen slot as two numbers. */
export function numbersOf(seen: SeenSlot): Slot {
  if (seen === "absent") return { offset: ABSENT, count: 0 };
  return seen === "no document" ? { offset: NO_DOCUMENT, count: 0 } : seen;
}
