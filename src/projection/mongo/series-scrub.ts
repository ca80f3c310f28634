import type { Applier } from "./applier.js";
import { CommandSize } from "./command-size.js";
import { isDamaged, sumOfSlots } from "./document.js";
import type { SeriesSlots } from "./series-slots.js";
import type { DocumentStore } from "./store.js";

/** Documents a step, and steps a second at most, as for counters. */
const PAGE = 1000;
const STEP_MS = 200;
/** Where nothing else can go on before it has ended: pages a step, without a pause between steps. */
const URGENT_PAGES = 20;
/** With so many that owe, looking waits until these are settled. */
const MAX_OWED = 20_000;

/**
 * Reads all documents of the series in the order of their days, and marks those that have less than the log says, and those
 * that are not there. It remembers one day's counters, and marks no more at a time than can be settled.
 */
export class SeriesScrub {
  readonly #store: DocumentStore;
  readonly #slots: SeriesSlots;
  readonly #applier: Applier;
  readonly #everyMs: number;
  readonly #page = new CommandSize(PAGE);
  #after: string | undefined;
  /** Days of the series that are still to come in this pass, in order, and counters whose document was seen of the first. */
  #days: number[] = [];
  #seen = new Set<number>();
  #marking: Iterator<void> | undefined;
  #isScanned = false;
  #isFresh = true;
  #isUrgent = false;
  #passes = 0;
  #dueAt = 0;

  constructor(store: DocumentStore, slots: SeriesSlots, applier: Applier, everyMs: number) {
    this.#store = store;
    this.#slots = slots;
    this.#applier = applier;
    this.#everyMs = everyMs;
  }

  /** Passes that have ended. */
  get passes(): number {
    return this.#passes;
  }

  /** Whether a pass that is under way has to end before anything counts as settled. */
  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** Begins anew, at once. */
  restart(isUrgent: boolean): void {
    this.#isUrgent ||= isUrgent;
    this.#begin(0);
  }

  /** Takes the next step where it is due. */
  async step(now: number): Promise<void> {
    if (now < this.#dueAt) return;
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
    if (this.#isFresh) this.#days = this.#slots.series.days();
    this.#isFresh = false;
    const { documents, next } = await this.#page.note((size) => this.#store.scan(this.#after, size));
    const keys = documents.map((document) => {
      this.#applier.take(document);
      const key = this.#slots.find(document.name);
      if (key !== undefined && !isDamaged(document) && sumOfSlots(document) !== document.count) this.#slots.forget(key);
      return key;
    });
    this.#after = next;
    this.#isScanned = next === undefined;
    this.#marking = this.#passBy(keys.filter((key) => key !== undefined));
  }

  /** Goes on marking; false where there is more than can be settled now. */
  #mark(): boolean {
    for (;;) {
      if (this.#slots.owed >= MAX_OWED) return false;
      if (this.#marking?.next().done !== false) break;
    }
    this.#marking = undefined;
    return true;
  }

  /** Marks what is missing of the days that these documents have gone past; of all where there are no more. */
  *#passBy(keys: readonly number[]): Generator<void> {
    for (const key of keys) {
      const { index, day } = this.#slots.partsOf(key);
      while ((this.#days[0] ?? Number.POSITIVE_INFINITY) < day) yield* this.#missing();
      if (this.#days[0] === day) this.#seen.add(index);
    }
    if (this.#isScanned) while (this.#days.length > 0) yield* this.#missing();
  }

  *#missing(): Generator<void> {
    const day = this.#days.shift() ?? 0;
    const seen = this.#seen;
    this.#seen = new Set();
    for (const index of this.#slots.series.indexesOf(day)) {
      if (seen.has(index)) continue;
      seen.add(index);
      // No document, though the log has hits of it: read by name before anything is believed.
      this.#slots.forget(this.#slots.keyOf(index, day));
      yield;
    }
  }

  #begin(dueAt: number): void {
    this.#after = undefined;
    this.#days = [];
    this.#seen = new Set();
    this.#marking = undefined;
    this.#isScanned = false;
    this.#isFresh = true;
    this.#dueAt = dueAt;
  }
}
