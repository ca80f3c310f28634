import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import { LedgerClient } from "./ledger-client.js";

const COUNTERS = 11;
/** So soon after an answer that is no 202. */
const PAUSE_MS = 20;

export interface LoadOptions {
  readonly clients: number;
  /** A JSON object that goes with each hit. */
  readonly payload?: string;
  /** Every so many-th request is one of 30 hits at once. */
  readonly bulkEvery?: number;
}

const running = new Set<Load>();
// One that a failed test left would run for ever.
test.after.each(async () => {
  for (const load of running) await load.stop();
});

/** Clients that hit one server as fast as it answers, with a ledger between them. */
export class Load {
  readonly ledger = new LedgerClient();
  /** By counter: hits whose request has begun, whatever became of them. */
  readonly begun = new Map<string, number>();
  /** Requests by outcome. */
  readonly outcomes = { counted: 0, refused: 0, unknown: 0, wrong: 0 };
  /** The server's URL; may change while they run. */
  url: string;
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[];
  #stopping = false;

  constructor(url: string, options: LoadOptions) {
    this.url = url;
    this.#options = options;
    running.add(this);
    this.#clients = Array.from({ length: options.clients }, (_, client) => this.#client(client));
  }

  /** No request begins any more; resolves once all have their outcome. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    running.delete(this);
  }

  async #client(client: number): Promise<void> {
    const { payload, bulkEvery } = this.#options;
    for (let sent = 1; !this.#stopping; sent++) {
      const counter = `page ${(client * 7 + sent) % COUNTERS}`;
      const many = bulkEvery !== undefined && sent % bulkEvery === 0 ? 30 : 1;
      this.begun.set(counter, (this.begun.get(counter) ?? 0) + many);
      const { outcome } =
        many === 1
          ? await this.ledger.hit(this.url, counter, payload)
          : await this.ledger.bulk(this.url, Array(many).fill(counter));
      this.outcomes[outcome]++;
      if (outcome !== "counted") await sleep(PAUSE_MS);
    }
  }
}
