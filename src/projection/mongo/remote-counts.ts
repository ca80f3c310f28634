import type { RemoteListener } from "./applier.js";
import { CommandSize } from "./command-size.js";
import { isDamaged, remoteCount } from "./document.js";
import type { ChangeCursor, CounterStore } from "./store.js";

const EVERY_MS = 500;
const LOG_CHECK_MS = 1000;
/** Writes become visible slightly out of the order of their times: so much is read again. */
const OVERLAP_MS = 5000;
const PAGE = 2000;
/** Pages a step, so that the rest of the projection proceeds. */
const PAGES = 5;

const START: ChangeCursor = { at: new Date(0), name: "" };

/** Other logs' counts, followed by the time of change that the server sets in each document. */
export class RemoteCounts {
  readonly #store: CounterStore;
  readonly #logId: string;
  readonly #onRemote: RemoteListener;
  readonly #page = new CommandSize(PAGE);
  #since: ChangeCursor = START;
  #newest = START.at;
  #dueAt = 0;
  #logCheckAt = 0;
  #hasOtherLogs = false;

  constructor(store: CounterStore, logId: string, onRemote: RemoteListener) {
    this.#store = store;
    this.#logId = logId;
    this.#onRemote = onRemote;
  }

  /** Reads everything again: the database may have been put back. */
  restart(): void {
    this.#since = START;
    this.#newest = START.at;
    this.#dueAt = 0;
    this.#logCheckAt = 0;
  }

  async step(now: number): Promise<void> {
    if (now >= this.#logCheckAt) {
      this.#hasOtherLogs = await this.#store.hasOtherLogs();
      this.#logCheckAt = now + LOG_CHECK_MS;
    }
    if (!this.#hasOtherLogs || now < this.#dueAt) return;
    for (let page = 0; page < PAGES; page++) {
      const asked = this.#page.current;
      const { documents, next } = await this.#page.run((size) => this.#store.changedSince(this.#since, size));
      for (const document of documents) {
        if (!isDamaged(document)) this.#onRemote(document.name, remoteCount(document, this.#logId));
      }
      if (next !== undefined) {
        this.#since = next;
        this.#newest = next.at;
      }
      if (documents.length < asked) {
        this.#since = { at: new Date(Math.max(0, this.#newest.getTime() - OVERLAP_MS)), name: "" };
        this.#dueAt = now + EVERY_MS;
        return;
      }
    }
  }
}
