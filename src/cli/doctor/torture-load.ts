import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "./torture-ledger.js";

const CLIENTS = 16;
const COUNTERS = 20;
/** A request without a response for this long has an unknown outcome. */
const RESPONSE_MS = 10_000;
/** Bounded, so that the log of an hour fits on a small disk. */
const PAUSE_MS = 5;

/** Clients that each send one hit after another, to the server that currently runs. */
export class TortureLoad {
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #url: string | undefined;
  #resumed: () => void = () => undefined;
  #waiting: Promise<void> = Promise.resolve();
  #isFinishing = false;
  #isAbandoned = false;
  #sent = 0;
  #inFlight = 0;
  readonly #clients: Promise<void>[];

  constructor(ledger: Ledger, random: () => number) {
    this.#ledger = ledger;
    this.#random = random;
    this.pause();
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  /** Stops sending; `settle` waits for the requests in flight. */
  pause(): void {
    this.#url = undefined;
    this.#waiting = new Promise((resolve) => {
      this.#resumed = resolve;
    });
  }

  /** Sends to a server from now on. */
  resume(url: string): void {
    this.#url = url;
    this.#resumed();
  }

  async settle(): Promise<void> {
    while (this.#inFlight > 0) await sleep(5);
  }

  /** Lets every client finish its current hit; one with an id is sent until it is acknowledged. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await Promise.all(this.#clients);
  }

  /** Ends every client at once, without an outcome of its hit. */
  abandon(): void {
    this.#isFinishing = true;
    this.#isAbandoned = true;
    this.#resumed();
  }

  async #client(): Promise<void> {
    while (!this.#isFinishing) {
      const counter = `page ${Math.floor(this.#random() * COUNTERS)}`;
      const id = this.#random() < 0.5 ? `torture-${this.#sent++}` : undefined;
      let isUnknown = false;
      for (;;) {
        // A hit that has not been sent yet when the end comes is dropped.
        while (this.#url === undefined && !this.#isAbandoned && (isUnknown || !this.#isFinishing)) await this.#waiting;
        const url = this.#url;
        if (url === undefined || this.#isAbandoned) return;
        const outcome = await this.#send(url, counter, id);
        if (outcome === "refused") break;
        if (outcome !== "unknown") {
          this.#ledger.acknowledge(counter, outcome.offset, isUnknown);
          break;
        }
        if (!isUnknown) this.#ledger.addUnknown(counter);
        isUnknown = true;
        if (id === undefined) break;
        await sleep(PAUSE_MS);
      }
      await sleep(PAUSE_MS);
    }
  }

  async #send(
    url: string,
    counter: string,
    id: string | undefined,
  ): Promise<"refused" | "unknown" | { offset: number }> {
    this.#inFlight++;
    try {
      const where = `${url}/hits/${encodeURIComponent(counter)}${id === undefined ? "" : `?id=${id}`}`;
      const response = await fetch(where, { method: "POST", signal: AbortSignal.timeout(RESPONSE_MS) });
      const answer = (await response.json()) as { offset?: number; code?: string };
      if (response.status === 202 && answer.offset !== undefined) {
        return { offset: answer.offset };
      }
      if (answer.code === "LOG_FAILED") return "unknown";
      this.#ledger.refuse(answer.code ?? `status ${response.status}`);
      // With an id an earlier attempt may have been counted: its outcome stays unknown, and it is sent again.
      return id === undefined ? "refused" : "unknown";
    } catch {
      return "unknown";
    } finally {
      this.#inFlight--;
    }
  }
}

/** Reads all counters of a server. */
export async function readCounts(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/counters?limit=1000`, { signal: AbortSignal.timeout(RESPONSE_MS) });
  const { counters } = (await response.json()) as { counters: { counter: string; count: number }[] };
  return new Map(counters.map(({ counter, count }) => [counter, count]));
}
