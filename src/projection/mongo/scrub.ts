import type { Applier } from "./applier.js";
import { CommandSize } from "./command-size.js";
import { isDamaged, sumOfSlots } from "./document.js";
import type { Slots } from "./slots.js";
import type { DocumentStore } from "./store.js";

/** Documents a step, and steps a second at most: five thousand documents a second. */
const PAGE = 1000;
const STEP_MS = 200;

export interface ScrubFigures {
  /** Passes over the whole collection that have ended; documents read in this one; counters marked so far. */
  readonly passes: number;
  readonly documents: number;
  readonly marked: number;
}

/**
 * Reads all documents, slowly, over and over, and marks those counters that differ from what was believed of them: the
 * checkpoint alone can't tell that single documents were put back or removed. It writes nothing.
 */
export class Scrub {
  readonly #store: DocumentStore;
  readonly #slots: Slots;
  readonly #applier: Applier;
  readonly #everyMs: number;
  readonly #page = new CommandSize(PAGE);
  #after: string | undefined;
  /** Numbers each pass, ended or not. */
  #pass = 1;
  #passes = 0;
  #documents = 0;
  #marked = 0;
  #dueAt = 0;

  constructor(store: DocumentStore, slots: Slots, applier: Applier, everyMs: number) {
    this.#store = store;
    this.#slots = slots;
    this.#applier = applier;
    this.#everyMs = everyMs;
  }

  get figures(): ScrubFigures {
    return { passes: this.#passes, documents: this.#documents, marked: this.#marked };
  }

  /** Begins anew, at once. */
  restart(): void {
    this.#begin(0);
  }

  /** Takes the next step where it is due. */
  async step(now: number): Promise<void> {
    if (now < this.#dueAt) return;
    const owedBefore = this.#slots.owed;
    const pass = this.#pass;
    const { documents, next } = await this.#page.note((size) => this.#store.scan(this.#after, size));
    for (const document of documents) {
      const index = this.#slots.find(document.name);
      if (index !== undefined) this.#slots.seenBy(index, pass);
      this.#applier.take(document);
      if (index !== undefined && !isDamaged(document) && sumOfSlots(document) !== document.count)
        this.#slots.forget(index);
    }
    this.#documents += documents.length;
    if (next === undefined) {
      // No document, though the log has hits of it: read by name before anything is believed.
      for (const index of this.#slots.unseenIn(pass)) this.#slots.forget(index);
      this.#marked += Math.max(0, this.#slots.owed - owedBefore);
      this.#passes++;
      this.#begin(now + this.#everyMs);
      return;
    }
    this.#marked += Math.max(0, this.#slots.owed - owedBefore);
    this.#after = next;
    this.#dueAt = now + STEP_MS;
  }

  #begin(dueAt: number): void {
    // What was seen in a pass that was broken off counts for nothing.
    this.#pass++;
    this.#after = undefined;
    this.#documents = 0;
    this.#dueAt = dueAt;
  }
}
