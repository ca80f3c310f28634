import { isDamaged, sumOfSlots } from "../../projection/mongo/document.js";
import type { Checkpoint, CounterStore, DocumentStore } from "../../projection/mongo/store.js";
import { DayRows } from "./day-rows.js";
import type { Difference } from "./report.js";
import { Rows } from "./rows.js";

/** The part of the store that an audit needs: it reads only. */
export type AuditedStore = Pick<CounterStore, "readCheckpoint" | "scan"> & { readonly series: ScanPage };

type ScanPage = Pick<DocumentStore, "scan">;

const PAGE = 1000;

/** MongoDB's documents. They are read before the log, so that they can't be ahead of it. */
export interface DatabaseSide {
  readonly checkpoint: Checkpoint | undefined;
  readonly rows: Rows;
  readonly documents: number;
  readonly days: DayRows;
  /** Documents that are wrong whatever the log has. */
  readonly differing: readonly Difference[];
}

/** Reads the checkpoint, then all documents. Throws a `StoreError` if MongoDB does not answer. */
export async function readDatabaseSide(store: AuditedStore, logId: string): Promise<DatabaseSide> {
  // First: the documents that are read next can only be further.
  const checkpoint = await store.readCheckpoint();
  const offset = checkpoint?.offset ?? 0;
  const [rows, days] = [new Rows(offset), new DayRows(new Rows(offset))];
  const counters = await readDocuments(store, { logId, rows, prefix: "" });
  const series = await readDocuments(store.series, { logId, rows: days.rows, prefix: "series-" });
  days.documents = series.documents;
  const differing = [...counters.differing, ...series.differing];
  return { checkpoint, rows, documents: counters.documents, days, differing };
}

interface Target {
  readonly logId: string;
  readonly rows: Rows;
  readonly prefix: "" | "series-";
}

async function readDocuments(store: ScanPage, { logId, rows, prefix }: Target) {
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
