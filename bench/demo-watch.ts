import { setTimeout as sleep } from "node:timers/promises";
import type { DemoServer, Figures } from "./demo-server.js";
import { printSecond, type Second } from "./demo-table.js";
import type { Traffic } from "./demo-traffic.js";

/** Reads the server's figures once a second, prints them, and records violations. */
export class Watch {
  /** Lines about what must never happen. */
  readonly violations: string[] = [];
  /** All rows, in order. */
  readonly seconds: Second[] = [];
  /** Milliseconds of the slowest answer while MongoDB did not answer. */
  slowestWithoutMongoMs = 0;
  /** The most that was pending. */
  mostPending = 0;
  readonly #server: DemoServer;
  readonly #traffic: Traffic;
  readonly #started = performance.now();
  #next = 1;
  #counted = 0;
  #stopped = false;

  constructor(server: DemoServer, traffic: Traffic) {
    this.#server = server;
    this.#traffic = traffic;
  }

  /** Prints this many rows. */
  async during(happening: string, seconds: number): Promise<void> {
    for (let row = 0; row < seconds && !this.#stopped; row++) await this.#observe(happening);
  }

  /** Prints rows until `work` is done; rejects as it does. */
  async meanwhile(happening: string, work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    // Its failure is thrown below.
    done.catch(() => undefined);
    do await this.#observe(happening);
    while (!isDone && !this.#stopped);
    await done;
  }

  /** Prints rows until the figures satisfy a condition. Resolves to false if they do not within `limitMs`. */
  async until(happening: string, isMet: (figures: Figures) => boolean, limitMs: number): Promise<boolean> {
    const limit = performance.now() + limitMs;
    while (performance.now() < limit && !this.#stopped) {
      const figures = await this.#observe(happening);
      if (figures !== undefined && isMet(figures)) return true;
    }
    return false;
  }

  /** Stops printing. */
  stop(): void {
    this.#stopped = true;
  }

  async #observe(happening: string): Promise<Figures | undefined> {
    await sleep(Math.max(0, this.#next * 1000 - (performance.now() - this.#started)));
    if (this.#stopped) return undefined;
    const seconds = (performance.now() - this.#started) / 1000;
    this.#next = Math.floor(seconds + 0.5) + 1;
    // Read before the page, which can then show no less.
    const { acknowledged } = this.#traffic.total;
    const slowestMs = this.#traffic.takeSlowest();
    const figures = await this.#server.figures();
    const mongodb = figures?.mongodb ?? "-";
    const second = { seconds, happening, acknowledged, figures, slowestMs, mongodb };
    this.seconds.push(second);
    printSecond(second);
    if (figures === undefined) return undefined;
    const { counted } = figures;
    if (counted < this.#counted) this.violations.push(`second ${Math.round(seconds)}: the count fell to ${counted}`);
    if (counted < acknowledged)
      this.violations.push(`second ${Math.round(seconds)}: ${acknowledged} were acknowledged`);
    this.#counted = counted;
    this.mostPending = Math.max(this.mostPending, figures.pending);
    if (mongodb !== "up") this.slowestWithoutMongoMs = Math.max(this.slowestWithoutMongoMs, slowestMs ?? 0);
    return figures;
  }
}
