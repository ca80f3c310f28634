import { Applier, type RemoteListener } from "./applier.js";
import type { DirtyDocuments } from "./dirty-documents.js";
import type { SeriesStatus } from "./messages.js";
import { Scrub, type ScrubFigures } from "./scrub.js";
import type { DocumentStore } from "./store.js";

export interface CollectionOptions {
  readonly store: DocumentStore;
  readonly documents: DirtyDocuments;
  readonly logId: string;
  /** Updates in one command at most. */
  readonly maxOps: number;
  readonly scrubEveryMs: number;
  readonly onRemote?: RemoteListener;
}

/** A collection of documents, kept at what the log has: one for counters, one for their days. */
export class ProjectedCollection {
  readonly #documents: DirtyDocuments;
  readonly #applier: Applier;
  readonly #scrub: Scrub;

  constructor({ store, documents, logId, maxOps, scrubEveryMs, onRemote = () => undefined }: CollectionOptions) {
    this.#documents = documents;
    this.#applier = new Applier({ store, documents, logId, maxOps, onRemote });
    this.#scrub = new Scrub({ store, documents, applier: this.#applier, everyMs: scrubEveryMs });
  }

  /** Names of documents that nothing can be done with, and the reasons. */
  get blocked(): Map<string, string> {
    return this.#applier.blocked;
  }

  get status(): SeriesStatus {
    return { owed: this.#documents.owed, blocked: this.blocked.size, passes: this.#scrub.figures.passes };
  }

  get scrubFigures(): ScrubFigures {
    return this.#scrub.figures;
  }

  /** Nothing is owed, except by blocked documents. */
  get isSettled(): boolean {
    return !this.#isScanning && this.#documents.owed === this.#applier.blocked.size;
  }

  /**
   * Works off what is owed, as `Applier.settle`; if it is unknown what is, all documents are scanned first, a part at a time.
   * `certain`: nothing can take back any more what was confirmed of hits below it.
   */
  async settle(position: () => number | undefined, certain: number): Promise<boolean> {
    if (this.#documents.needsScan) {
      this.#documents.scanStarted();
      this.#scrub.restart(true);
    }
    if (this.#scrub.isUrgent) await this.#scrub.step(performance.now());
    const settled = await this.#applier.settle(this.#applier.due(), position);
    this.#documents.prune(certain);
    return settled && !this.#isScanning;
  }

  /** Notes a change of the server's state: what was confirmed of hits at or above `certain` is unknown. */
  noteChange(certain: number): void {
    this.#documents.forgetFrom(certain);
    this.#scrub.restart(false);
  }

  /** Drops all that is known of the documents: the database was put back or dropped. */
  invalidate(): void {
    this.#documents.invalidate();
    if (!this.#documents.needsScan) this.#scrub.restart(false);
  }

  /** Takes the next step of the scrub if it is due. */
  scrub(now: number): Promise<void> {
    return this.#scrub.step(now);
  }

  get #isScanning(): boolean {
    return this.#documents.needsScan || this.#scrub.isUrgent;
  }
}
