import type { SeenSlot } from "./document.js";
import { numbersOf, SlotRows } from "./slot-rows.js";
import type { SlotUpdate } from "./store.js";

/** The documents of a collection as the log has them. Each has a key; see `keyOf`. */
export interface DocumentSource {
  /** The key of a document's name; undefined if the log has no such counter. */
  find(name: string): number | undefined;
  /** The document's name, its `_id`. */
  nameOf(key: number): string;
  /** Hits that the log has for a document. */
  total(key: number): number;
  /** A document with more hits of this log than `total` is left alone: `total` may no longer include all of them. */
  readonly toleratesSurplus: boolean;
  /** Completes an update of this document with the fields that only its collection has. */
  update(key: number, slots: Pick<SlotUpdate, "name" | "seen" | "next">): SlotUpdate;
  /** Called after the confirmed count of a document has changed by this difference. */
  noteConfirmed?(key: number, difference: number): void;
  /** The days of which the log has documents, ascending, in the order of the documents' names. */
  days(): number[];
  /** The counters' indexes of a day's documents with hits in the log; they may repeat. */
  indexesOf(day: number): Iterable<number>;
}

/** The day in the keys of documents that are not of a day. */
export const NO_DAY = 0;
const INDEXES = 2 ** 26;

/** A document's key: its counter's index and its day in one number. Without a day it is the index. */
export function keyOf(index: number, day: number): number {
  return day * INDEXES + index;
}

export function partsOf(key: number): { readonly index: number; readonly day: number } {
  const day = Math.floor(key / INDEXES);
  return { index: key - day * INDEXES, day };
}

/**
 * The documents of a collection as last seen, with what they owe: the difference to what the log has. Owed is a set of
 * documents, not a queue of hits, so that an outage of a day owes no more than one of a second. Every document has a row,
 * numbered as its key.
 */
export class DirtyDocuments {
  readonly source: DocumentSource;
  protected readonly rows = new SlotRows();

  constructor(source: DocumentSource) {
    this.source = source;
  }

  /** Number of documents that owe something, or may. */
  get owed(): number {
    return this.rows.owed;
  }

  /** It is unknown which documents owe something: all of them have to be scanned. */
  get needsScan(): boolean {
    return false;
  }

  /** More documents may be marked before those that owe something are settled. */
  get hasRoom(): boolean {
    return true;
  }

  /** Adds the row of a new document; its number. */
  addRow(_key: number): number {
    return this.rows.add(0);
  }

  protected rowOf(key: number): number | undefined {
    return key;
  }

  protected keyAt(row: number): number {
    return row;
  }

  /** Marks a document of which the log has a hit that the database may lack. */
  touch(key: number, endOffset: number): void {
    const row = this.rowOf(key) ?? this.addRow(key);
    this.rows.setLastHit(row, endOffset);
    this.rows.setOwed(row, true);
  }

  /** Counts hits as confirmed because the checkpoint covers them; the document has not been read. */
  cover(key: number, n: number, endOffset: number): void {
    const row = this.rowOf(key) ?? this.addRow(key);
    this.rows.setLastHit(row, endOffset);
    this.rows.setCount(row, this.rows.count(row) + n);
  }

  /** Takes back what `cover` counted: these hits are at or above the checkpoint. */
  uncover(key: number, n: number, endOffset: number): void {
    this.touch(key, endOffset);
    const row = this.rowOf(key);
    if (row !== undefined) this.#confirm(key, row, this.rows.count(row) - n);
  }

  /** The slot's count as last confirmed. */
  confirmed(key: number): number {
    const row = this.rowOf(key);
    return row === undefined ? 0 : this.rows.count(row);
  }

  isKnown(key: number): boolean {
    const row = this.rowOf(key);
    return row !== undefined && this.rows.isKnown(row);
  }

  /** Takes a slot that was read, or confirmed by an update. Its document owes nothing more if it has what the log has. */
  see(key: number, slot: SeenSlot): void {
    const { offset, count } = numbersOf(slot);
    const owes = this.#owes(this.source.total(key), count);
    let row = this.rowOf(key);
    if (row === undefined) {
      if (!owes) return;
      row = this.addRow(key);
    }
    this.rows.setOffset(row, offset);
    this.#confirm(key, row, count);
    this.rows.setOwed(row, owes);
  }

  /** Marks a document that must be read again before anything is sent for it. */
  forget(key: number): void {
    this.rows.forget(this.rowOf(key) ?? this.addRow(key));
  }

  /** Forgets every document whose last hit is at or above this offset. */
  forgetFrom(offset: number): void {
    // A row has the end of a hit, one above its own offset.
    for (let row = 0; row < this.rows.size; row++) if (this.rows.lastHit(row) > offset) this.rows.forget(row);
  }

  /** Forgets every document: the database was put back or dropped. */
  invalidate(): void {
    this.forgetFrom(-1);
  }

  /** Notes that a scan of all documents has started: it marks whatever owes something. */
  scanStarted(): void {
    // Nothing is invalid here: every document has a row.
  }

  /** Drops rows that owe nothing and whose last hit is below this offset: nothing can take these hits back any more. */
  prune(_certain: number): void {
    // Every document keeps its row.
  }

  /** The keys of what is owed now. */
  owing(): number[] {
    return this.rows.owedRows().map((row) => this.keyAt(row));
  }

  /**
   * The update to send for a document that was read, with the log folded to this offset. "done": it owes nothing. "later":
   * its slot is past this offset, by another projector of the same log, and is left alone. "surplus": the log has less
   * than the slot, which must never be taken back.
   */
  update(key: number, foldOffset: number): SlotUpdate | "done" | "later" | "surplus" {
    const row = this.rowOf(key);
    if (row === undefined) return "done";
    const { rows, source } = this;
    const total = source.total(key);
    const count = rows.count(row);
    if (!this.#owes(total, count)) {
      rows.setOwed(row, false);
      return "done";
    }
    if (rows.offset(row) > foldOffset) return "later";
    if (total < count) return "surplus";
    const next = { offset: foldOffset, count: total };
    return source.update(key, { name: source.nameOf(key), seen: rows.seen(row), next });
  }

  #owes(total: number, count: number): boolean {
    return this.source.toleratesSurplus ? total > count : total !== count;
  }

  #confirm(key: number, row: number, count: number): void {
    const before = this.rows.count(row);
    if (before === count) return;
    this.rows.setCount(row, count);
    this.source.noteConfirmed?.(key, count - before);
  }
}
