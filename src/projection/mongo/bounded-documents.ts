import { DirtyDocuments, type DocumentSource, partsOf } from "./dirty-documents.js";

/** With more than this, all rows are dropped, and all documents scanned instead: about 50 MB. */
const MAX_ROWS = 500_000;
/** While so many documents owe something, a scan marks no more. */
const MAX_OWED = 20_000;

/**
 * Dirty documents in bounded memory: a document has a row only while it owes something, or while its last hit is not certain
 * yet. If there would be too many rows all are dropped, and every document has to be scanned: `needsScan`.
 */
export class BoundedDocuments extends DirtyDocuments {
  readonly #maxRows: number;
  /** Keys by row. */
  readonly #keys: number[] = [];
  /** Rows by day, then by index. */
  readonly #days = new Map<number, Map<number, number>>();
  /** The day of the last look-up, and its rows. */
  #day = Number.NaN;
  #rowsOfDay: Map<number, number> | undefined;
  #end = 0;
  #needsScan = false;
  /** Rows whose last hit was below it have been dropped before that hit was certain. */
  #droppedBelow = 0;

  constructor(source: DocumentSource, maxRows = MAX_ROWS) {
    super(source);
    this.#maxRows = maxRows;
  }

  override get needsScan(): boolean {
    return this.#needsScan;
  }

  override get hasRoom(): boolean {
    return this.owed < MAX_OWED;
  }

  override touch(key: number, endOffset: number): void {
    this.#end = endOffset;
    super.touch(key, endOffset);
  }

  override forgetFrom(offset: number): void {
    if (offset < this.#droppedBelow) this.invalidate();
    super.forgetFrom(offset);
  }

  /** Drops all rows: every document has to be scanned. */
  override invalidate(): void {
    this.rows.clear();
    this.#keys.length = 0;
    this.#days.clear();
    this.#day = Number.NaN;
    this.#needsScan = true;
  }

  override scanStarted(): void {
    this.#needsScan = false;
  }

  override prune(certain: number): void {
    this.#drop((row) => this.rows.lastHit(row) <= certain);
    if (this.rows.size <= this.#maxRows / 2) return;
    this.#drop((row) => {
      this.#droppedBelow = Math.max(this.#droppedBelow, this.rows.lastHit(row));
      return true;
    });
  }

  override addRow(key: number): number {
    if (this.rows.size >= this.#maxRows) this.invalidate();
    // The last hit of a document that is only read is not known, but it was not later than the last hit of all.
    const row = this.rows.add(this.#end);
    this.#keys[row] = key;
    this.#place(key, row);
    return row;
  }

  protected override rowOf(key: number): number | undefined {
    const { index, day } = partsOf(key);
    if (day !== this.#day) {
      this.#day = day;
      this.#rowsOfDay = this.#days.get(day);
    }
    return this.#rowsOfDay?.get(index);
  }

  protected override keyAt(row: number): number {
    return this.#keys[row] ?? 0;
  }

  #place(key: number, row: number): void {
    const { index, day } = partsOf(key);
    const rowsOfDay = this.#days.get(day) ?? new Map<number, number>();
    if (rowsOfDay.size === 0) this.#days.set(day, rowsOfDay);
    rowsOfDay.set(index, row);
    this.#day = Number.NaN;
  }

  /** Drops rows that owe nothing. */
  #drop(isWanted: (row: number) => boolean): void {
    // From the last row down: the row that takes a dropped row's number has been checked already.
    for (let row = this.rows.size - 1; row >= 0; row--) {
      if (!this.rows.isOwed(row) && isWanted(row)) this.#remove(row);
    }
  }

  #remove(row: number): void {
    const key = this.keyAt(row);
    const { index, day } = partsOf(key);
    const rowsOfDay = this.#days.get(day);
    rowsOfDay?.delete(index);
    if (rowsOfDay?.size === 0) this.#days.delete(day);
    this.#day = Number.NaN;
    this.rows.remove(row);
    const last = this.#keys.pop();
    if (last === undefined || last === key) return;
    this.#keys[row] = last;
    this.#place(last, row);
  }
}
