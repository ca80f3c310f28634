import type { RemoteListener } from "./applier.js";
import { CommandSize } from "./command-size.js";
import { isDamaged, remoteCount } from "./document.js";
import type { ChangeCursor, CounterStore } from "./store.js";

const EVERY_MS = 500;
const LOOK_FOR_LOGS_EVERY_MS = 1000;
/** Writes become visible a little out of the order of their times. */
const OVERLAP_MS = 5000;
const PAGE = 2000;
/** Pages a turn, so that the projection itself goes on. */
const PAGES = 5;

const START: ChangeCursor = { at: new Date(0), name: "" };

/** Follows what other logs count, by the time of change that the server sets in each document. */
export class RemoteCounts {
  readonly #store: CounterStore;
  readonly #logId: string;
  readonly #onRemote: RemoteListener;
  readonly #page = new CommandSize(PAGE);
  #since: ChangeCursor = START;
  #newest = START.at;
  #dueAt = 0;
  #lookAt = 0;
  #exist = false;

  constructor(store: CounterStore, logId: string, onRemote: RemoteListener) {
    this.#store = store;
    this.#logId = logId;
    this.#onRemote = onRemote;
  }

  /** The database may hold other things than before: all of it is read again. */
  restart(): void {
    this.#since = START;
    this.#newest = START.at;
    this.#dueAt = 0;
    this.#lookAt = 0;
  }

  async step(now: number): Promise<void> {
    if (now >= this.#lookAt) {
      this.#exist = await this.#store.hasOtherLogs();
      this.#lookAt = now + LOOK_FOR_LOGS_EVERY_MS;
    }
    if (!this.#exist || now < this.#dueAt) return;
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
