import { type CounterDocument, isDamaged, type Slot, sumOfSlots } from "../projection/mongo/document.js";
import type { Checkpoint, CounterStore, DocumentStore } from "../projection/mongo/store.js";
import type { Difference } from "./audit-judge.js";
import { DayRows } from "./audit-series.js";

/** What an audit asks of the database: it reads, and writes nothing. */
export type AuditedStore = Pick<CounterStore, "readCheckpoint" | "scan"> & { readonly series: Scanned };

type Scanned = Pick<DocumentStore, "scan">;

const PAGE = 1000;
const NO_SLOT: Slot = { offset: 0, count: 0 };

/** A counter: what the database has of it, and what the log says. */
export interface Row {
  readonly name: string;
  /** `damaged`: its document can't be compared, which is a difference already. */
  readonly document: "slot" | "no slot" | "none" | "damaged";
  /** This log's slot; one of no hits at offset 0 where there is none. */
  readonly slot: Slot;
  /** The total where the history begins, which is 0 at the log's birth. */
  start: number;
  /** The log's totals at the slot's offset and at the checkpoint, as far as the history goes. */
  atSlot: number;
  atCheckpoint: number;
  /** Hits at or above the slot's offset. */
  behind: number;
}

/** All counters that the database or the log knows of. */
export class Rows {
  readonly #index = new Map<string, number>();
  readonly #rows: Row[] = [];

  /** The row's place in `all`, made now for a counter without a document. */
  indexOf(name: string): number {
    return this.#index.get(name) ?? this.#push({ name, document: "none", slot: NO_SLOT });
  }

  get all(): readonly Row[] {
    return this.#rows;
  }

  addDocument(document: CounterDocument, logId: string): void {
    const slot = document.slots.get(logId);
    this.#push({ name: document.name, document: slot === undefined ? "no slot" : "slot", slot: slot ?? NO_SLOT });
  }

  addDamaged(name: string): void {
    this.#push({ name, document: "damaged", slot: NO_SLOT });
  }

  /** Adds hits of the log at this offset. */
  add(index: number, n: number, offset: number, checkpoint: number): void {
    const row = this.#rows[index];
    if (row === undefined) return;
    if (offset < row.slot.offset) row.atSlot += n;
    else row.behind += n;
    if (offset < checkpoint) row.atCheckpoint += n;
  }

  /** Forgets what the log said: it is read again from another place. */
  reset(): void {
    for (const row of this.#rows) row.start = row.atSlot = row.atCheckpoint = row.behind = 0;
  }

  #push(row: Pick<Row, "name" | "document" | "slot">): number {
    const index = this.#rows.push({ ...row, start: 0, atSlot: 0, atCheckpoint: 0, behind: 0 }) - 1;
    this.#index.set(row.name, index);
    return index;
  }
}

/** What the database holds, read before the log: so nothing of it can be ahead of what the log then says. */
export interface DatabaseSide {
  readonly checkpoint: Checkpoint | undefined;
  readonly rows: Rows;
  readonly documents: number;
  readonly days: DayRows;
  /** What is wrong with documents by themselves. */
  readonly differing: readonly Difference[];
}

/** Reads the checkpoint, then all documents. Throws a `StoreError` where the database doesn't answer. */
export async function readDatabase(store: AuditedStore, logId: string): Promise<DatabaseSide> {
  // First: what the documents hold when they are read is at least what this says.
  const checkpoint = await store.readCheckpoint();
  const [rows, days] = [new Rows(), new DayRows(new Rows())];
  const counters = await readDocuments(store, logId, rows, "");
  const series = await readDocuments(store.series, logId, days.rows, "series-");
  days.documents = series.documents;
  const differing = [...counters.differing, ...series.differing];
  return { checkpoint, rows, documents: counters.documents, days, differing };
}

async function readDocuments(store: Scanned, logId: string, rows: Rows, prefix: "" | "series-") {
  const differing: Difference[] = [];
  let documents = 0;
  let after: string | undefined;
  do {
    const page = await store.scan(after, PAGE);
    for (const document of page.documents) {
      documents++;
      const [counter, offset, bound] = [document.name, null, "exactly"] as const;
      if (isDamaged(document)) {
        rows.addDamaged(counter);
        const expected = "a document that can be read";
        differing.push({ counter, kind: `${prefix}document`, offset, expected, bound, found: document.reason });
        continue;
      }
      rows.addDocument(document, logId);
      const expected = sumOfSlots(document);
      if (document.count === expected) continue;
      differing.push({ counter, kind: `${prefix}sum`, offset, expected, bound, found: document.count });
    }
    after = page.next;
  } while (after !== undefined);
  return { documents, differing };
}
