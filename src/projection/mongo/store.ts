import type { CounterDocument, DamagedDocument, SeenSlot, Slot } from "./document.js";

/** A collection of documents with slots. */
export interface DocumentStore {
  /** Documents by name as a majority has them; a name without a document is missing from the map. */
  read(names: readonly string[]): Promise<Map<string, CounterDocument | DamagedDocument>>;
  /**
   * Sends updates of different documents in one command. True: every one was applied. False: some were not, and it is
   * unknown which; the documents must be read again.
   */
  apply(updates: readonly SlotUpdate[]): Promise<boolean>;
  /** Sets a document's `count` to the sum of its slots, where all of it is still as seen. */
  setSum(document: CounterDocument): Promise<void>;
  /** Up to `limit` documents by name, behind `after`; and where to go on, undefined at the end. */
  scan(after: string | undefined, limit: number): Promise<ScanPage>;
}

/**
 * What the projector needs of a database, so that tests can interleave, lose and repeat every call. All writes are
 * compare-and-set on single documents; each call is bounded in time and rejects with a `StoreError`. The counters' documents
 * are its own; those of their days are in `series`, named `2026-11-24 home`.
 */
export interface CounterStore extends DocumentStore {
  readonly series: DocumentStore;
  readCheckpoint(): Promise<Checkpoint | undefined>;
  /** Writes a checkpoint where it is still as seen. False: it was not. */
  writeCheckpoint(seen: Checkpoint | undefined, next: Checkpoint): Promise<boolean>;
  /** Documents changed since a moment of the server's clock, in that order; and what to ask for next. */
  changedSince(since: ChangeCursor, limit: number): Promise<ChangedPage>;
  /** Whether another log has ever projected into this database. */
  hasOtherLogs(): Promise<boolean>;
  /** Makes the indexes that this needs. */
  prepare(): Promise<void>;
}

export interface ScanPage {
  readonly documents: readonly (CounterDocument | DamagedDocument)[];
  readonly next: string | undefined;
}

/** A place in the order of `updatedAt`, then name. */
export interface ChangeCursor {
  readonly at: Date;
  readonly name: string;
}

export interface ChangedPage {
  readonly documents: readonly (CounterDocument | DamagedDocument)[];
  /** Undefined where nothing more was changed by now. */
  readonly next: ChangeCursor | undefined;
}

/** One document's update: what its document was seen to have, and what it shall have. */
export interface SlotUpdate {
  readonly name: string;
  /** Where no document was seen, one may be made. */
  readonly seen: SeenSlot;
  /** The slot as it shall be; its count is never below what was seen. */
  readonly next: Slot;
  /** Of a counter's day alone. */
  readonly day?: {
    readonly counter: string;
    /** Epoch milliseconds. */
    readonly at: number;
    /** Hits by hour, 24 of them; undefined where they are not known. */
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
 * Why a call failed. `transient`: try again for ever. `credentials`: the same, slowly. `documents`: the command reached the
 * server, which refused single documents for a reason that does not go away by itself.
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
