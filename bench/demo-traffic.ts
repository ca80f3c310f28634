import { Agent, type IncomingMessage, request } from "node:http";
import { systemCode } from "../src/errors.js";

const COUNTERS = [
  "home",
  "home",
  "home",
  "/about",
  "/blog/logs",
  "/blog/logs",
  "/docs",
  "/docs/faq",
  "/shop",
  "/terms",
];
const EVERY_MS = 10;
/** Visitors who wait at once; beyond it new ones send no request. */
const MAX_WAITING = 200;
/** A visitor who has no answer by then leaves. */
const PATIENCE_MS = 10_000;

/** Answers to visitors of one counter. */
export interface Entry {
  /** Hits that were answered with 202. */
  acknowledged: number;
  /** Hits that may or may not have been counted: sent, and never answered. */
  unanswered: number;
}

/** Visitors at a fixed rate, whatever happens to their requests, and a ledger of the answers. */
export class Traffic {
  /** By counter. */
  readonly ledger = new Map<string, Entry>();
  /** Hits that were certainly not counted: the connection was refused, or the answer was a refusal. */
  refused = 0;
  /** Answers that should never come. */
  readonly unexpected: string[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_WAITING });
  /** Start times of the requests in flight. */
  readonly #waiting = new Set<{ readonly since: number }>();
  readonly #timer: NodeJS.Timeout;
  #slowest = 0;
  #idle: (() => void) | undefined;

  constructor(url: string, hitsPerSecond: number) {
    this.#url = url;
    let sent = 0;
    const started = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - started) / 1000) * hitsPerSecond);
      for (; sent < due; sent++) {
        const counter = COUNTERS[sent % COUNTERS.length] ?? "home";
        if (this.#waiting.size < MAX_WAITING) this.#send(counter);
        else this.refused++;
      }
    }, EVERY_MS);
  }

  /** The sum over all counters. */
  get total(): Entry {
    const total = { acknowledged: 0, unanswered: 0 };
    for (const { acknowledged, unanswered } of this.ledger.values()) {
      total.acknowledged += acknowledged;
      total.unanswered += unanswered;
    }
    return total;
  }

  /**
   * Returns the milliseconds of the slowest answer since the last call, or of the longest wait by now; undefined if nobody was
   * answered and nobody waits.
   */
  takeSlowest(): number | undefined {
    const now = performance.now();
    let slowest = this.#slowest;
    for (const { since } of this.#waiting) slowest = Math.max(slowest, now - since);
    this.#slowest = 0;
    return slowest === 0 ? undefined : slowest;
  }

  /** Sends no more visitors; resolves once nobody waits. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#agent.destroy();
  }

  #send(counter: string): void {
    const visitor = { since: performance.now() };
    const entry = this.ledger.get(counter) ?? { acknowledged: 0, unanswered: 0 };
    this.ledger.set(counter, entry);
    this.#waiting.add(visitor);
    const done = () => {
      this.#waiting.delete(visitor);
      if (this.#waiting.size === 0) this.#idle?.();
    };
    const failed = (error: Error) => {
      // Recorded already: the connection broke after the answer.
      if (!this.#waiting.has(visitor)) return;
      if (systemCode(error) === "ECONNREFUSED") this.refused++;
      else entry.unanswered++;
      done();
    };
    const target = `${this.#url}/hits/${encodeURIComponent(counter)}`;
    const sent = request(target, { method: "POST", agent: this.#agent }, (response) => {
      this.#read(response).then((text) => {
        this.#recordAnswer(entry, response.statusCode ?? 0, text);
        this.#slowest = Math.max(this.#slowest, performance.now() - visitor.since);
        done();
      }, failed);
    });
    sent.setTimeout(PATIENCE_MS, () => sent.destroy());
    sent.on("error", failed);
    sent.end();
  }

  async #read(response: IncomingMessage): Promise<string> {
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return text;
  }

  #recordAnswer(entry: Entry, status: number, text: string): void {
    if (status === 202) entry.acknowledged++;
    else if (/"code":"LOG_FAILED"/.test(text)) entry.unanswered++;
    else {
      this.refused++;
      if (status !== 503) this.unexpected.push(`${status} ${text.slice(0, 200)}`);
    }
  }
}
