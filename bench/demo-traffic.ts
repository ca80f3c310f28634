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
/** Visitors who wait at once: beyond it, those who come find no line, and are not sent. */
const MAX_WAITING = 200;
/** A visitor who was not answered by then is gone. */
const PATIENCE_MS = 10_000;

/** What visitors of one counter were told. */
export interface Entry {
  /** Hits that were answered with 202. */
  acknowledged: number;
  /** Hits that may have been counted or not: sent, and never answered. */
  unanswered: number;
}

/** Visitors, so many a second whatever becomes of their requests, and a ledger of what they were told. */
export class Traffic {
  /** By counter. */
  readonly ledger = new Map<string, Entry>();
  /** Hits that were certainly not counted: nobody listened, or the answer said so. */
  refused = 0;
  /** Answers that should not come at all. */
  readonly unexpected: string[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_WAITING });
  /** When those who wait were sent. */
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

  /** Of all counters together. */
  get total(): Entry {
    const total = { acknowledged: 0, unanswered: 0 };
    for (const { acknowledged, unanswered } of this.ledger.values()) {
      total.acknowledged += acknowledged;
      total.unanswered += unanswered;
    }
    return total;
  }

  /**
   * Milliseconds that the slowest answer took since this was asked last, or that somebody waits by now; undefined where
   * nobody was answered and nobody waits.
   */
  takeSlowest(): number | undefined {
    const now = performance.now();
    let slowest = this.#slowest;
    for (const { since } of this.#waiting) slowest = Math.max(slowest, now - since);
    this.#slowest = 0;
    return slowest === 0 ? undefined : slowest;
  }

  /** No more visitors; resolves once nobody waits. */
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
      // Entered already: what broke then is the connection behind an answer.
      if (!this.#waiting.has(visitor)) return;
      if (systemCode(error) === "ECONNREFUSED") this.refused++;
      else entry.unanswered++;
      done();
    };
    const target = `${this.#url}/hits/${encodeURIComponent(counter)}`;
    const sent = request(target, { method: "POST", agent: this.#agent }, (response) => {
      this.#read(response).then((text) => {
        this.#enter(entry, response.statusCode ?? 0, text);
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

  #enter(entry: Entry, status: number, text: string): void {
    if (status === 202) entry.acknowledged++;
    else if (/"code":"LOG_FAILED"/.test(text)) entry.unanswered++;
    else {
      this.refused++;
      if (status !== 503) this.unexpected.push(`${status} ${text.slice(0, 200)}`);
    }
  }
}
