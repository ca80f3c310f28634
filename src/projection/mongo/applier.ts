import { CommandSize } from "./command-size.js";
import type { DirtyDocuments } from "./dirty-documents.js";
import { type CounterDocument, type DamagedDocument, isDamaged, remoteCount, sumOfSlots } from "./document.js";
import { type DocumentStore, type SlotUpdate, StoreError } from "./store.js";

/** Commands in flight at once; never two with the same counter. */
const IN_FLIGHT = 3;
const BLOCKED_RETRY_MS = 10_000;

/** Called with a counter's hits of other logs whenever its document is read. */
export type RemoteListener = (name: string, remote: number) => void;

export interface ApplierOptions {
  readonly store: DocumentStore;
  readonly documents: DirtyDocuments;
  readonly logId: string;
  /** Updates in one command at most. */
  readonly maxOps: number;
  readonly onRemote: RemoteListener;
}

/**
 * Brings documents to what the log has: reads those whose slot is unknown, sends a compare-and-set for each that owes, and
 * believes only what was confirmed. After a miss the document is read again.
 */
export class Applier {
  readonly #store: DocumentStore;
  readonly #documents: DirtyDocuments;
  readonly #logId: string;
  readonly #size: CommandSize;
  readonly #onRemote: RemoteListener;
  /** Names of documents that nothing can be done with, and the reasons: they stay owed, the others proceed. */
  readonly blocked = new Map<string, string>();
  #blockedAt = 0;

  constructor({ store, documents, logId, maxOps, onRemote }: ApplierOptions) {
    this.#store = store;
    this.#documents = documents;
    this.#logId = logId;
    this.#size = new CommandSize(maxOps);
    this.#onRemote = onRemote;
  }

  /** The keys of what is owed; blocked documents are among them only now and then. */
  due(): number[] {
    const owing = this.#documents.owing();
    if (this.blocked.size === 0) return owing;
    const now = performance.now();
    if (now >= this.#blockedAt) {
      this.#blockedAt = now + BLOCKED_RETRY_MS;
      return owing;
    }
    return owing.filter((key) => !this.#isBlocked(key));
  }

  /**
   * Works off these documents, with the log folded to `position()` at the moment of each command; undefined: nothing may be
   * written now. Resolves to true if everything that they owed at the call is confirmed, or they are blocked.
   */
  async settle(keys: readonly number[], position: () => number | undefined): Promise<boolean> {
    let [at, settled] = [0, true];
    const work = async () => {
      while (at < keys.length) {
        const done = await this.#size.run((size) => {
          const chunk = keys.slice(at, at + size);
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

  /** Takes a document that was read or scanned. Returns false if it is damaged. */
  accept(document: CounterDocument | DamagedDocument): boolean {
    const key = this.#documents.source.find(document.name);
    if (isDamaged(document)) {
      if (key !== undefined) this.#block(key, document.reason);
      return false;
    }
    this.#onRemote(document.name, remoteCount(document, this.#logId));
    if (key === undefined) return true;
    this.blocked.delete(document.name);
    this.#documents.see(key, document.slots.get(this.#logId) ?? "absent");
    return true;
  }

  async #settleChunk(keys: readonly number[], position: () => number | undefined): Promise<boolean> {
    await this.#readUnknown(keys.filter((key) => !this.#documents.isKnown(key)));
    const updates: SlotUpdate[] = [];
    const updated: number[] = [];
    let settled = true;
    const foldOffset = position();
    if (foldOffset === undefined) return false;
    for (const key of keys) {
      if (this.#isBlocked(key)) continue;
      // It was read a moment ago, but a change of the server's state may have made it unknown again.
      const update = this.#documents.isKnown(key) ? this.#documents.update(key, foldOffset) : "later";
      if (update === "done") continue;
      if (update === "later") settled = false;
      else if (update === "surplus") this.#block(key, "its document has more hits of this log than the log has");
      else {
        updates.push(update);
        updated.push(key);
      }
    }
    return (updates.length === 0 || (await this.#apply(updates, updated))) && settled;
  }

  async #apply(updates: readonly SlotUpdate[], keys: readonly number[]): Promise<boolean> {
    // Unknown until confirmed: the command may be lost on its way, or its answer.
    for (const key of keys) this.#documents.forget(key);
    let applied: boolean;
    try {
      applied = await this.#store.apply(updates);
    } catch (error) {
      if (!(error instanceof StoreError && error.kind === "documents")) throw error;
      for (const [name, reason] of error.refused) {
        const key = this.#documents.source.find(name);
        if (key !== undefined) this.#block(key, reason);
      }
      return false;
    }
    if (!applied) return false;
    for (const [at, key] of keys.entries()) {
      const update = updates[at];
      if (update !== undefined) this.#documents.see(key, update.next);
    }
    return true;
  }

  async #readUnknown(keys: readonly number[]): Promise<void> {
    if (keys.length === 0) return;
    const documents = await this.#store.read(keys.map((key) => this.#documents.source.nameOf(key)));
    for (const key of keys) {
      const name = this.#documents.source.nameOf(key);
      const document = documents.get(name);
      if (document === undefined) {
        this.blocked.delete(name);
        this.#onRemote(name, 0);
        this.#documents.see(key, "no document");
      } else if (this.accept(document) && !isDamaged(document) && sumOfSlots(document) !== document.count) {
        await this.#store.setSum(document);
      }
    }
  }

  #isBlocked(key: number): boolean {
    return this.blocked.has(this.#documents.source.nameOf(key));
  }

  #block(key: number, reason: string): void {
    this.blocked.set(this.#documents.source.nameOf(key), reason);
    this.#documents.forget(key);
  }
}
