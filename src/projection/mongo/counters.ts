import { doubled } from "../totals.js";
import { DirtyDocuments, type DocumentSource, NO_DAY } from "./dirty-documents.js";
import type { SlotUpdate } from "./store.js";

/** The counters as this log has them, and their documents. A counter's key is its index, in the order of first sight. */
export class Counters implements DocumentSource {
  readonly documents = new DirtyDocuments(this);
  readonly toleratesSurplus = false;
  #totals = new Float64Array(1024);
  readonly #index = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #changed = new Set<number>();
  #sum = 0;
  #confirmedSum = 0;

  get size(): number {
    return this.#names.length;
  }

  /** All hits of the log as far as it has been folded. */
  get sum(): number {
    return this.#sum;
  }

  /** Those of them that the database has confirmed. */
  get confirmedSum(): number {
    return this.#confirmedSum;
  }

  /** Returns the counter's index, a new one for a new counter. */
  indexOf(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.#names.push(name) - 1;
    this.#index.set(name, index);
    if (index === this.#totals.length) this.#totals = doubled(this.#totals);
    this.documents.addRow(index);
    return index;
  }

  find(name: string): number | undefined {
    return this.#index.get(name);
  }

  nameOf(index: number): string {
    return this.#names[index] ?? "";
  }

  total(index: number): number {
    return this.#totals[index] ?? 0;
  }

  /** Takes a total from a snapshot. `isCovered`: by the checkpoint, so that the database has all of it. */
  restore(index: number, total: number, isCovered: boolean): void {
    if (total > 0) this.add(index, total, 0, isCovered);
  }

  /** Adds a hit of the log. `isCovered`: it is below the checkpoint, so that the database has it already. */
  add(index: number, n: number, endOffset: number, isCovered: boolean): void {
    this.#totals[index] = this.total(index) + n;
    this.#sum += n;
    if (isCovered) {
      this.documents.cover(index, n, endOffset);
      this.#confirmedSum += n;
    } else {
      this.documents.touch(index, endOffset);
    }
  }

  update(_index: number, slots: SlotUpdate): SlotUpdate {
    return slots;
  }

  noteConfirmed(index: number, difference: number): void {
    this.#confirmedSum += difference;
    this.#changed.add(index);
  }

  /** Marks all that is owed as changed: for a start, when the receiver of reports has nothing yet. */
  reportOwed(): void {
    for (const index of this.documents.owing()) this.#changed.add(index);
  }

  /** Up to `limit` counters whose confirmed count has changed since they were taken last. */
  takeChanged(limit: number): number[] {
    const taken: number[] = [];
    for (const index of this.#changed) {
      if (taken.length === limit) break;
      taken.push(index);
    }
    for (const index of taken) this.#changed.delete(index);
    return taken;
  }

  days(): number[] {
    return [NO_DAY];
  }

  *indexesOf(): Generator<number> {
    for (let index = 0; index < this.size; index++) if (this.total(index) > 0) yield index;
  }
}
