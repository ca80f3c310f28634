import { CommandSize } from "./command-size.js";
import { type CounterDocument, countOfOthers, type DamagedDocument, isDamaged, sumOfSlots } from "./document.js";
import type { SeenSlot } from "./seen-slot.js";
import { type DocumentStore, type SlotUpdate, StoreError } from "./store.js";

/** Commands in flight at once; never two with the same counter. */
const IN_FLIGHT = 3;
const BLOCKED_RETRY_MS = 10_000;

/** Takes what documents say of other logs' hits. */
export type OthersSink = (name: string, others: number) => void;

/** What the log says of the documents of a collection, by an index of each, and what they were last seen to have. */
export interface Ledger {
  /** The indexes of what is owed now. */
  owing(): number[];
  find(name: string): number | undefined;
  nameOf(index: number): string;
  isKnown(index: number): boolean;
  see(index: number, slot: SeenSlot): void;
  forget(index: number): void;
  update(index: number, foldOffset: number): SlotUpdate | "done" | "later" | "behind";
}

/**
 * Brings documents to what the log says: reads those that are unknown, sends a compare-and-set for each that owes, and
 * believes only what was confirmed. A miss means: read again.
 */
export class Applier {
  readonly #store: DocumentStore;
  readonly #slots: Ledger;
  readonly #logId: string;
  readonly #size: CommandSize;
  readonly #onOthers: OthersSink;
  /** Counters whose document nothing can be done with, and why: they stay owed, the others go on. */
  readonly blocked = new Map<string, string>();
  #blockedAt = 0;

  constructor(store: DocumentStore, slots: Ledger, logId: string, maxOps: number, onOthers: OthersSink) {
    this.#store = store;
    this.#slots = slots;
    this.#logId = logId;
    this.#size = new CommandSize(maxOps);
    this.#onOthers = onOthers;
  }

  /** What is owed; of the blocked only now and then. */
  due(): number[] {
    const owing = this.#slots.owing();
    if (this.blocked.size === 0) return owing;
    const now = performance.now();
    if (now >= this.#blockedAt) {
      this.#blockedAt = now + BLOCKED_RETRY_MS;
      return owing;
    }
    return owing.filter((index) => !this.#isBlocked(index));
  }

  /**
   * Works off these counters, with the log folded to `position()` at the moment of each command; undefined: nothing may be
   * written now. True: all that they owed when this was called is confirmed, or they are blocked.
   */
  async settle(indexes: readonly number[], position: () => number | undefined): Promise<boolean> {
    let [at, settled] = [0, true];
    const work = async () => {
      while (at < indexes.length) {
        const done = await this.#size.note((size) => {
          const chunk = indexes.slice(at, at + size);
          at += chunk.length;
          return this.#settleChunk(chunk, position);
        });
        settled = done && settled;
      }
    };
    const workers = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, work));
    for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
    return settled;
  }

  /** Takes what a read or a scan says of one document; whether it can be worked with. */
  take(document: CounterDocument | DamagedDocument): boolean {
    const index = this.#slots.find(document.name);
    if (isDamaged(document)) {
      if (index !== undefined) this.#block(index, document.reason);
      return false;
    }
    this.#onOthers(document.name, countOfOthers(document, this.#logId));
    if (index === undefined) return true;
    this.blocked.delete(document.name);
    this.#slots.see(index, document.slots.get(this.#logId) ?? "absent");
    return true;
  }

  async #settleChunk(indexes: readonly number[], position: () => number | undefined): Promise<boolean> {
    await this.#readUnknown(indexes.filter((index) => !this.#slots.isKnown(index)));
    const updates: SlotUpdate[] = [];
    const updated: number[] = [];
    let settled = true;
    const foldOffset = position();
    if (foldOffset === undefined) return false;
    for (const index of indexes) {
      if (this.#isBlocked(index)) continue;
      // Read a moment ago, and made unknown again by a change of the server's state.
      const update = this.#slots.isKnown(index) ? this.#slots.update(index, foldOffset) : "later";
      if (update === "done") continue;
      if (update === "later") settled = false;
      else if (update === "behind") this.#block(index, "its document has more hits of this log than the log has");
      else {
        updates.push(update);
        updated.push(index);
      }
    }
    return (updates.length === 0 || (await this.#apply(updates, updated))) && settled;
  }

  async #apply(updates: readonly SlotUpdate[], indexes: readonly number[]): Promise<boolean> {
    // Until it is confirmed it is unknown: the command may be lost on its way there, or its answer on the way back.
    for (const index of indexes) this.#slots.forget(index);
    let applied: boolean;
    try {
      applied = await this.#store.apply(updates);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "documents")) throw error;
      for (const [name, reason] of error.refused) {
        const index = this.#slots.find(name);
        if (index !== undefined) this.#block(index, reason);
      }
      return false;
    }
    if (!applied) return false;
    for (const [at, index] of indexes.entries()) {
      const update = updates[at];
      if (update !== undefined) this.#slots.see(index, update.next);
    }
    return true;
  }

  async #readUnknown(indexes: readonly number[]): Promise<void> {
    if (indexes.length === 0) return;
    const documents = await this.#store.read(indexes.map((index) => this.#slots.nameOf(index)));
    for (const index of indexes) {
      const name = this.#slots.nameOf(index);
      const document = documents.get(name);
      if (document === undefined) {
        this.blocked.delete(name);
        this.#onOthers(name, 0);
        this.#slots.see(index, "no document");
      } else if (this.take(document) && !isDamaged(document) && sumOfSlots(document) !== document.count) {
        await this.#store.setSum(document);
      }
    }
  }

  #isBlocked(index: number): boolean {
    return this.blocked.has(this.#slots.nameOf(index));
  }

  #block(index: number, reason: string): void {
    this.blocked.set(this.#slots.nameOf(index), reason);
    this.#slots.forget(index);
  }
}
