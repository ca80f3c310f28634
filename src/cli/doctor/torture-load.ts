import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "./torture-ledger.js";

const CLIENTS = 16;
const COUNTERS = 20;
/** An answer that takes longer is none. */
const ANSWER_MS = 10_000;
/** Bounded, so that the log of an hour fits on a small disk. */
const PAUSE_MS = 5;

/** Clients that send hits one after the other, to whatever server there is at the moment. */
export class Load {
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #url: string | undefined;
  #arrived: () => void = () => undefined;
  #waiting: Promise<void> = Promise.resolve();
  #ends = false;
  #abandoned = false;
  #sent = 0;
  #inFlight = 0;
  readonly #clients: Promise<void>[];

  constructor(ledger: Ledger, random: () => number) {
    this.#ledger = ledger;
    this.#random = random;
    this.pause();
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  /** Hits are held back, and what is in flight is waited for by `quiet`. */
  pause(): void {
    this.#url = undefined;
    this.#waiting = new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  goOn(url: string): void {
    this.#url = url;
    this.#arrived();
  }

  async quiet(): Promise<void> {
    while (this.#inFlight > 0) await sleep(5);
  }

  /** Every client ends with the hit that it is at: one with an id once that is acknowledged. */
  async end(): Promise<void> {
    this.#ends = true;
    await Promise.all(this.#clients);
  }

  /** Every client ends at once: nothing is compared any more. */
  abandon(): void {
    this.#ends = true;
    this.#abandoned = true;
    this.#arrived();
  }

  async #client(): Promise<void> {
    while (!this.#ends) {
      const counter = `page ${Math.floor(this.#random() * COUNTERS)}`;
      const id = this.#random() < 0.5 ? `torture-${this.#sent++}` : undefined;
      let doubted = false;
      for (;;) {
        // Not at all, then, where the end comes before it was sent the first time.
        while (this.#url === undefined && !this.#abandoned && (doubted || !this.#ends)) await this.#waiting;
        const url = this.#url;
        if (url === undefined || this.#abandoned) return;
        const answer = await this.#send(url, counter, id);
        if (answer === "refused") break;
        if (answer !== "unknown") {
          this.#ledger.acknowledge(counter, answer.offset, doubted);
          break;
        }
        if (!doubted) this.#ledger.doubt(counter);
        doubted = true;
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
      const response = await fetch(where, { method: "POST", signal: AbortSignal.timeout(ANSWER_MS) });
      const answer = (await response.json()) as { offset?: number; code?: string };
      if (response.status === 202 && answer.offset !== undefined) {
        return { offset: answer.offset };
      }
      if (answer.code === "LOG_FAILED") return "unknown";
      this.#ledger.refuse(answer.code ?? `status ${response.status}`);
      // With an id it may have been counted before: then it stays in doubt, and is sent again.
      return id === undefined ? "refused" : "unknown";
    } catch {
      return "unknown";
    } finally {
      this.#inFlight--;
    }
  }
}

/** All counters of a server. */
export async function countsOf(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/counters?limit=1000`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const { counters } = (await response.json()) as { counters: { counter: string; count: number }[] };
  return new Map(counters.map(({ counter, count }) => [counter, count]));
}
