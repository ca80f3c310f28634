import type { Ledger } from "./applier.js";
import { numbersOf, type SeenSlot, seenSlot, UNKNOWN } from "./seen-slot.js";
import type { SlotUpdate } from "./store.js";

/**
 * What the log says of each counter, and what its document was last seen to have. The difference is what is owed: a set of
 * counters, not a queue of hits, so that an outage of a day owes no more than one of a second.
 */
export class Slots implements Ledger {
  /** By the counter's index: the log's total, the offset behind its last hit, and the slot as last confirmed. */
  #total = new Float64Array(1024);
  #lastHit = new Float64Array(1024);
  #slotOffset = new Float64Array(1024);
  #slotCount = new Float64Array(1024);
  /** The scrub's pass in which the document was seen last. */
  #seenIn = new Float64Array(1024);
  readonly #index = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #owed = new Set<number>();
  readonly #changed = new Set<number>();
  #sum = 0;
  #confirmedSum = 0;

  get size(): number {
    return this.#names.length;
  }

  /** How many counters owe something, or may. */
  get owed(): number {
    return this.#owed.size;
  }

  /** All hits of the log as far as it was folded, and those of them that the database has confirmed. */
  get sum(): number {
    return this.#sum;
  }

  get confirmedSum(): number {
    return this.#confirmedSum;
  }

  indexOf(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.#names.push(name) - 1;
    this.#index.set(name, index);
    if (index === this.#total.length) this.#grow();
    this.#slotOffset[index] = UNKNOWN;
    return index;
  }

  find(name: string): number | undefined {
    return this.#index.get(name);
  }

  nameOf(index: number): string {
    return this.#names[index] ?? "";
  }

  total(index: number): number {
    return this.#total[index] ?? 0;
  }

  /** The slot's count as last confirmed. */
  confirmed(index: number): number {
    return this.#slotCount[index] ?? 0;
  }

  isKnown(index: number): boolean {
    return this.#slotOffset[index] !== UNKNOWN;
  }

  /** A total from a snapshot. `covered`: the checkpoint says that the database has all of it. */
  restore(index: number, total: number, covered: boolean): void {
    this.#total[index] = total;
    this.#sum += total;
    if (covered) {
      this.#slotCount[index] = total;
      this.#confirmedSum += total;
    } else if (total > 0) {
      this.#owed.add(index);
    }
  }

  /** Hits of a snapshot's totals that lie at or above the checkpoint: not confirmed after all. */
  uncover(index: number, n: number, endOffset: number): void {
    this.#lastHit[index] = endOffset;
    this.#confirm(index, this.confirmed(index) - n);
    this.#owed.add(index);
  }

  /** A hit of the log behind what was restored. `covered`: below the checkpoint, so that the database has it already. */
  add(index: number, n: number, endOffset: number, covered: boolean): void {
    this.#total[index] = this.total(index) + n;
    this.#lastHit[index] = endOffset;
    this.#sum += n;
    if (covered) {
      this.#slotCount[index] = this.confirmed(index) + n;
      this.#confirmedSum += n;
    } else {
      this.#owed.add(index);
    }
  }

  /** What was read of a document, or confirmed by an update. It owes nothing more where it says what the log says. */
  see(index: number, slot: SeenSlot): void {
    const { offset, count } = numbersOf(slot);
    this.#slotOffset[index] = offset;
    this.#confirm(index, count);
    if (this.total(index) === this.confirmed(index)) this.#owed.delete(index);
    else this.#owed.add(index);
  }

  /** The document must be read again before anything is sent for it. */
  forget(index: number): void {
    this.#slotOffset[index] = UNKNOWN;
    this.#owed.add(index);
  }

  /** Forgets every counter whose last hit is at or above this offset. */
  forgetFrom(offset: number): void {
    // What is kept of a hit is its end, one above its own offset.
    for (let index = 0; index < this.size; index++) if ((this.#lastHit[index] ?? 0) > offset) this.forget(index);
  }

  /** The indexes of what is owed now. */
  owing(): number[] {
    return [...this.#owed];
  }

  /**
   * The update to send for a counter whose document was read, with the log folded to this offset. "done": it owes nothing.
   * "later": the slot is further than this fold, by another projector of the same log, and is left alone. "behind": the log
   * has less than the slot, which must never be taken back.
   */
  update(index: number, foldOffset: number): SlotUpdate | "done" | "later" | "behind" {
    const offset = this.#slotOffset[index] ?? UNKNOWN;
    const total = this.total(index);
    const count = this.confirmed(index);
    if (total === count) {
      this.#owed.delete(index);
      return "done";
    }
    if (offset > foldOffset) return "later";
    if (total < count) return "behind";
    return { name: this.nameOf(index), seen: seenSlot(offset, count), next: { offset: foldOffset, count: total } };
  }

  /** Notes that the scrub saw this counter's document in a pass; `unseenIn` are the counters of which it saw none. */
  seenBy(index: number, pass: number): void {
    this.#seenIn[index] = pass;
  }

  unseenIn(pass: number): number[] {
    const unseen: number[] = [];
    for (let index = 0; index < this.size; index++) {
      if (this.#seenIn[index] !== pass && this.total(index) > 0) unseen.push(index);
    }
    return unseen;
  }

  /** Counts everything owed as changed: for a start, when whoever is told knows nothing yet. */
  tellOwed(): void {
    for (const index of this.#owed) this.#changed.add(index);
  }

  /** Up to so many counters whose confirmed slot has changed since they were taken last. */
  takeChanged(limit: number): number[] {
    const taken: number[] = [];
    for (const index of this.#changed) {
      if (taken.length === limit) break;
      taken.push(index);
    }
    for (const index of taken) this.#changed.delete(index);
    return taken;
  }

  #confirm(index: number, count: number): void {
    const before = this.confirmed(index);
    if (before === count) return;
    this.#slotCount[index] = count;
    this.#confirmedSum += count - before;
    this.#changed.add(index);
  }

  #grow(): void {
    const grow = (from: Float64Array<ArrayBuffer>) => {
      const to = new Float64Array(from.length * 2);
      to.set(from);
      return to;
    };
    this.#total = grow(this.#total);
    this.#lastHit = grow(this.#lastHit);
    this.#slotOffset = grow(this.#slotOffset);
    this.#slotCount = grow(this.#slotCount);
    this.#seenIn = grow(this.#seenIn);
  }
}
