import type { CounterDocument, DamagedDocument, SeenSlot, Slot } from "./document.js";

/** A collection of documents with slots. */
export interface DocumentStore {
  /** Reads documents by name as a majority has them. A name without a document is missing from the map. */
  read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>>;
  /**
   * Sends updates of different documents in one command. True: all were applied. False: some were not, and it is unknown
   * which: the documents must be read again.
   */
  apply(updates: readonly SlotUpdate[]): Promise<boolean>;
  /** Sets a document's `count` to the sum of its slots if the document is still as seen. */
  setSum(document: CounterDocument): Promise<void>;
  /** Reads up to `limit` documents in the order of their names, after `after`. */
  scan(after: string | undefined, limit: number): Promise<ScanPage>;
}

/**
 * The database as the projector uses it: an interface, so that tests can interleave, lose and repeat every call. All writes
 * are compare-and-set on single documents; each call is limited in time and rejects with a `StoreError`. The store itself has
 * the counters' documents; those of their days are in `series`, named `2026-11-24 home`.
 */
export interface CounterStore extends DocumentStore {
  readonly series: DocumentStore;
  readCheckpoint(): Promise<Checkpoint | undefined>;
  /** Writes a checkpoint if the one there is still as seen. False: it was not. */
  writeCheckpoint(seen: Checkpoint | undefined, next: Checkpoint): Promise<boolean>;
  /** Reads documents changed since a time of the server's clock, in the order of change. */
  changedSince(since: ChangeCursor, limit: number): Promise<ChangedPage>;
  /** Resolves to whether another log has ever projected into this database. */
  hasOtherLogs(): Promise<boolean>;
  /** Creates the indexes that these calls use. */
  prepare(): Promise<void>;
}

export interface ScanPage {
  readonly documents: readonly (CounterDocument | DamagedDocument)[];
  /** `after` for the next page; undefined at the end. */
  readonly next: string | undefined;
}

/** A place in the order of `updatedAt`, then name. */
export interface ChangeCursor {
  readonly at: Date;
  readonly name: string;
}

export interface ChangedPage {
  readonly documents: readonly (CounterDocument | DamagedDocument)[];
  /** The place to continue from; undefined if nothing more has changed. */
  readonly next: ChangeCursor | undefined;
}

/** An update of one document: its slot as seen, and as it is to be. */
export interface SlotUpdate {
  readonly name: string;
  /** If no document was seen, the update may create it. */
  readonly seen: SeenSlot;
  /** The slot as it is to be; its count is never below the one seen. */
  readonly next: Slot;
  /** Only for the document of a counter's day. */
  readonly day?: {
    readonly counter: string;
    /** Epoch milliseconds. */
    readonly at: number;
    /** Hits by hour, 24 of them; undefined if they are unknown. */
    readonly hours: readonly number[] | undefined;
  };
}

export interface Checkpoint {
  /** The first offset that is not applied. */
  readonly offset: number;
  readonly epoch: number;
  readonly nonce: string;
}

/**
 * The failure of a call. `transient`: to be retried for ever. `credentials`: the same, slowly. `documents`: the command
 * reached the server, which refused single documents for a reason that does not pass.
 */
export class StoreError extends Error {
  readonly kind: "transient" | "credentials" | "documents";
  /** For `documents`: name and reason. */
  readonly refused: ReadonlyMap<string, string>;

  constructor(kind: StoreError["kind"], message: string, refused: ReadonlyMap<string, string> = new Map()) {
    super(message);
    this.name = "StoreError";
    this.kind = kind;
    this.refused = refused;
  }
}
