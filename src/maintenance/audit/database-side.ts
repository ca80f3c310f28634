import { isDamaged, sumOfSlots } from "../../projection/mongo/document.js";
import type { Checkpoint, CounterStore, DocumentStore } from "../../projection/mongo/store.js";
import { DayRows } from "./day-rows.js";
import type { Difference } from "./report.js";
import { Rows } from "./rows.js";

/** What an audit asks of the database: it reads, and writes nothing. */
export type AuditedStore = Pick<CounterStore, "readCheckpoint" | "scan"> & { readonly series: ScanPage };

type ScanPage = Pick<DocumentStore, "scan">;

const PAGE = 1000;
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

async function readDocuments(store: ScanPage, logId: string, rows: Rows, prefix: "" | "series-") {
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
