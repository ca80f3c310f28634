import { IndexSet } from "../index-set.js";
import type { Applier } from "./applier.js";
import { CommandSize } from "./command-size.js";
import { type DirtyDocuments, keyOf, partsOf } from "./dirty-documents.js";
import { isDamaged, sumOfSlots } from "./document.js";
import type { DocumentStore } from "./store.js";

/** Documents a step, and the time between steps: five thousand documents a second at most. */
const PAGE = 1000;
const STEP_MS = 200;
/** Pages a step, and no time between steps, if nothing else can continue before the pass has ended. */
const URGENT_PAGES = 20;

export interface ScrubFigures {
  /** Passes over the whole collection that have ended. */
  readonly passes: number;
  /** Documents read in this pass. */
  readonly documents: number;
  /** Documents marked so far. */
  readonly marked: number;
}

export interface ScrubOptions {
  readonly store: DocumentStore;
  readonly documents: DirtyDocuments;
  readonly applier: Applier;
  readonly everyMs: number;
}

/**
 * Reads all documents of a collection, slowly, over and over, and marks those that differ from what was believed of them,
 * and those that are missing: the checkpoint alone can't tell that single documents were put back or removed. It writes
 * nothing, remembers the counters of one day at a time, and marks no more than there is room for.
 */
export class Scrub {
  readonly #store: DocumentStore;
  readonly #documents: DirtyDocuments;
  readonly #applier: Applier;
  readonly #everyMs: number;
  readonly #page = new CommandSize(PAGE);
  #after: string | undefined;
  /** Days that are still to come in this pass, ascending. */
  #days: number[] = [];
  /** Indexes of the documents seen of the first of them. */
  #seen = new IndexSet();
  #marking: Iterator<void> | undefined;
  #isScanned = false;
  #isFresh = true;
  #isUrgent = false;
  #passes = 0;
  #read = 0;
  #marked = 0;
  #dueAt = 0;

  constructor({ store, documents, applier, everyMs }: ScrubOptions) {
    this.#store = store;
    this.#documents = documents;
    this.#applier = applier;
    this.#everyMs = everyMs;
  }

  get figures(): ScrubFigures {
    return { passes: this.#passes, documents: this.#read, marked: this.#marked };
  }

  /** A pass is under way that has to end before anything counts as settled. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Starts a new pass, due at once. */
  restart(isUrgent: boolean): void {
    this.#isUrgent ||= isUrgent;
    this.#begin(0);
  }

  /** Takes the next step if it is due. */
  async step(now: number): Promise<void> {
    if (now < this.#dueAt) return;
    const owed = this.#documents.owed;
    await this.#scanPages(now);
    this.#marked += Math.max(0, this.#documents.owed - owed);
  }

  async #scanPages(now: number): Promise<void> {
    for (let page = 0; page < (this.#isUrgent ? URGENT_PAGES : 1); page++) {
      if (!this.#mark()) return;
      if (!this.#isScanned) await this.#scan();
      if (!this.#mark()) return;
      if (this.#isScanned) {
        this.#passes++;
        this.#isUrgent = false;
        this.#begin(now + this.#everyMs);
        return;
      }
    }
    if (!this.#isUrgent) this.#dueAt = now + STEP_MS;
  }

  async #scan(): Promise<void> {
    if (this.#isFresh) this.#days = this.#documents.source.days();
    this.#isFresh = false;
    const { documents, next } = await this.#page.run((size) => this.#store.scan(this.#after, size));
    const keys = documents.map((document) => {
      this.#applier.accept(document);
      const key = this.#documents.source.find(document.name);
      if (key !== undefined && !isDamaged(document) && sumOfSlots(document) !== document.count) {
        this.#documents.forget(key);
      }
      return key;
    });
    this.#read += documents.length;
    this.#after = next;
    this.#isScanned = next === undefined;
    this.#marking = this.#pass(keys.filter((key) => key !== undefined));
  }

  /** Continues marking; false if more is to be marked than there is room for. */
  #mark(): boolean {
    for (;;) {
      if (!this.#documents.hasRoom) return false;
      if (this.#marking?.next().done !== false) break;
    }
    this.#marking = undefined;
    return true;
  }

  /** Marks what is missing of the days that these documents have passed; of all days if there are no more documents. */
  *#pass(keys: readonly number[]): Generator<void> {
    for (const key of keys) {
      const { index, day } = partsOf(key);
      while ((this.#days[0] ?? Number.POSITIVE_INFINITY) < day) yield* this.#markMissing();
      if (this.#days[0] === day) this.#seen.add(index);
    }
    if (this.#isScanned) while (this.#days.length > 0) yield* this.#markMissing();
  }

  *#markMissing(): Generator<void> {
    const day = this.#days.shift() ?? 0;
    const seen = this.#seen;
    this.#seen = new IndexSet();
    for (const index of this.#documents.source.indexesOf(day)) {
      if (seen.has(index)) continue;
      seen.add(index);
      // No document, though the log has hits for it: read by name before anything is believed.
      this.#documents.forget(keyOf(index, day));
      yield;
    }
  }

  /** Begins a pass. Documents seen in a pass that did not end count for nothing. */
  #begin(dueAt: number): void {
    this.#after = undefined;
    this.#days = [];
    this.#seen = new IndexSet();
    this.#marking = undefined;
    this.#isScanned = false;
    this.#isFresh = true;
    this.#read = 0;
    this.#dueAt = dueAt;
  }
}
